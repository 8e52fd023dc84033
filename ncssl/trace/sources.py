"""Copies of source files as pages in which every line has an address, `#L12`."""

from pathlib import Path

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename

from ncssl.trace.plain_page import plain_page


def source_page(path: str, text: str, here: str) -> str:
    """The page of a file with its text; `path` is shown as its title, and says the language."""
    lexer = get_lexer_for_filename(Path(path).name, stripnl=False)
    code = highlight(text, lexer, HtmlFormatter(nowrap=True)).rstrip("\n").split("\n")
    body = "\n".join(
        f'<span id="L{n}"><a href="#L{n}">{n}</a>{line}</span>' for n, line in enumerate(code, 1)
    )
    return plain_page(path, f'<pre class="source" tabindex="0">{body}</pre>\n', here)

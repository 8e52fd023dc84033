"""The head of every page, what search engines and messengers read of it, and how to cite it."""

import html
import re
from typing import Any

from ncssl.site.plain import text

LONG = 160  # characters of a description: what search engines show


def description(doctree: Any) -> str:
    """The first paragraph of a page as one line, cut at a word; "" where there is none."""
    from docutils import nodes

    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            words = text(paragraph)
            short = words if len(words) <= LONG else words[: LONG - 2].rsplit(" ", 1)[0] + " …"
            if len(words) > 40:
                return short
    return ""


def key_of(pagename: str) -> str:
    """The key under which a page is cited: its name without folders and signs."""
    return "ncssl_" + re.sub(r"\W+", "_", pagename.rpartition("/")[2])


def bibtex(pagename: str, title: str, project: str, author: str, year: str, site: str) -> str:
    """An entry for one page of the book; with its address where the book has one."""
    fields = {
        "title": f"{{{title}}}",
        "author": f"{{{author}}}",
        "booktitle": project,
        "year": year,
    }
    if site:
        fields["url"] = f"{site}{pagename}.html"
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@incollection{{{key_of(pagename)},\n{lines}}}"


def citation(entry: str) -> str:
    """The folded box at the end of a page."""
    shown = html.escape(entry, quote=False)
    return (
        '<details class="cite"><summary>Cite this page</summary><div class="highlight"><pre>'
        f"{shown}</pre></div></details>"
    )


def tags(title: str, words: str, project: str, site: str, pagename: str) -> str:
    """Description and preview of a page; the picture and the address only where the book has an
    address, since both must be absolute."""
    shown = {"og:title": title, "og:site_name": project, "og:type": "article"}
    if words:
        shown["og:description"] = words
    if site:
        shown |= {"og:url": f"{site}{pagename}.html", "og:image": f"{site}_static/social.png"}
    lines = [f'<meta property="{k}" content="{html.escape(v)}" />' for k, v in shown.items()]
    lines.append(
        f'<meta name="twitter:card" content="{"summary_large_image" if site else "summary"}" />'
    )
    if words:
        lines.insert(0, f'<meta name="description" content="{html.escape(words)}" />')
    return "\n".join(lines)


def complete(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Add tags to the head and the citation to the end; a handler of html-page-context."""
    config = app.config
    site, title = config.html_baseurl or "", _words(context.get("title", ""))
    book = config.html_title
    if doctree is None:
        return
    said = tags(title, description(doctree), book, site, pagename)
    context["metatags"] = context.get("metatags", "") + said
    entry = bibtex(pagename, title, book, config.author, _year(config), site)
    context["body"] = context.get("body", "") + citation(entry)


def launch_branch(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Colab opens the copies of the notebooks that install the package first; a handler of
    html-page-context that comes after the theme's."""
    from ncssl.site.address import LAUNCH

    branch = app.config.html_theme_options.get("repository_branch") or "main"
    for group in context.get("header_buttons", ()):
        for button in group.get("buttons", ()):
            if "colab.research" in button.get("url", ""):
                button["url"] = button["url"].replace(f"/blob/{branch}/", f"/blob/{LAUNCH}/")


def _words(title):
    """A title without its mark-up, formulas in letters."""
    from ncssl.site.plain import formula

    plain = html.unescape(re.sub(r"<[^>]+>", "", title))
    return re.sub(r"\\\((.*?)\\\)", lambda m: formula(m[1]), plain)


def _year(config):
    found = re.search(r"\d{4}", str(config.copyright))
    return found[0] if found else ""


def setup(app: Any) -> None:
    app.connect("html-page-context", complete)
    app.connect("html-page-context", launch_branch, priority=900)

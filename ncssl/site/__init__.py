"""What the built book needs beyond Sphinx and its theme, as one extension of Sphinx: heads of
pages, excerpts for the search, titles with formulas, reference, speed and status pages.

`address` has the one setting that ties the book to a repository; `pdf` prints the whole.
"""

from typing import Any

from ncssl import __version__
from ncssl.site import head, icons, outside, reference, search, speed, status, titles


def setup(app: Any) -> dict[str, Any]:
    """Tie the parts to the events of Sphinx; what an extension has to say of itself."""
    for part in (head, icons, outside, reference, search, speed, status, titles):
        part.setup(app)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}

"""What the built book needs beyond Sphinx and its theme, as one extension of Sphinx: heads of
pages, excerpts for the search, titles with formulas, reference and status pages.

`address` has the one setting that ties the book to a repository; `pdf` prints the whole.
"""

from typing import Any

import ncssl
from ncssl.site import head, icons, outside, reference, search, status, titles


def setup(app: Any) -> dict[str, Any]:
    """Tie the parts to the events of Sphinx; what an extension has to say of itself."""
    for part in (head, icons, outside, reference, search, status, titles):
        part.setup(app)
    return {"version": ncssl.__version__, "parallel_read_safe": True, "parallel_write_safe": True}

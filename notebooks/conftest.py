"""`pytest --nbval` starts a kernel again that died before its first cell, and begins with the
longest notebook, as `ncssl book` does."""

import nbval.kernel

from ncssl.notebooks import start_again
from ncssl.site import status

nbval.kernel.start_new_kernel = start_again(nbval.kernel.start_new_kernel)


def pytest_collection_modifyitems(items):
    """The longest notebook first, so that none is left alone at the end."""
    seconds = {path: status.read(path).seconds or 0 for path in {item.path for item in items}}
    items.sort(key=lambda item: -seconds[item.path])

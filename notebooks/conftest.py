"""`pytest --nbval` starts a kernel again that died before its first cell, as `ncssl book` does."""

import nbval.kernel

from ncssl.notebooks import start_again

nbval.kernel.start_new_kernel = start_again(nbval.kernel.start_new_kernel)

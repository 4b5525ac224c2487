"""Memory that a process has freed goes back to the system."""

from __future__ import annotations

import ctypes
from contextlib import suppress

BLOCK_BYTES = 256 * 1024
KEPT_BYTES = 1024 * 1024
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as <malloc.h> numbers them


def give_back() -> None:
    """From now on each block larger than ``BLOCK_BYTES`` lies by itself and is given back when it is freed, and so is
    the end of the heap but for ``KEPT_BYTES``. By default the C library raises its limits to 32 and 64 MB with the
    blocks it sees, and keeps what a large plan took for a moment. Without effect where there is no such library."""
    with suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, BLOCK_BYTES)
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)

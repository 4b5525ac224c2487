"""A timer of this process that ends in a signal of one's choice; Python itself sets only those that others set, too."""

from __future__ import annotations

import ctypes
import os

_CLOCK_MONOTONIC = 1
_NS = 10**9
_libc = ctypes.CDLL(None, use_errno=True)
_rt = _libc if hasattr(_libc, "timer_create") else ctypes.CDLL("librt.so.1", use_errno=True)


class _Event(ctypes.Structure):
    """``struct sigevent``: by default a signal to the process."""

    _fields_ = (
        *(("value", ctypes.c_void_p), ("signal", ctypes.c_int)),
        *(("way", ctypes.c_int), ("rest", ctypes.c_byte * 48)),
    )


class _Spec(ctypes.Structure):
    """``struct itimerspec``"""

    _fields_ = (
        *(("every_s", ctypes.c_long), ("every_ns", ctypes.c_long)),
        *(("after_s", ctypes.c_long), ("after_ns", ctypes.c_long)),
    )


class SignalTimer:
    """OSError when there can be none. A fork child has none."""

    def __init__(self, signal: int) -> None:
        self._id, self._spec = ctypes.c_void_p(), _Spec()
        if _rt.timer_create(_CLOCK_MONOTONIC, ctypes.byref(_Event(signal=signal)), ctypes.byref(self._id)) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        self._set, self._spec_at = _rt.timer_settime, ctypes.byref(self._spec)

    def set(self, after_s: float) -> None:
        """The signal comes in so many seconds, and not as set before; with 0 it does not come. Any thread."""
        self._spec.after_s, self._spec.after_ns = int(after_s), int(after_s % 1 * _NS)
        self._set(self._id, 0, self._spec_at, None)

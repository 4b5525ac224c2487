"""A worker's process as callables find it: each finds what the first one did, whatever those before it have changed.

What is cheap to look at is put back after each. What cannot be put back is *wear*: such a worker ends, and another
takes its place. All else is its author's affair.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import locale
import math
import os
import resource
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

DESCRIPTORS_SHARE = 0.5  # of those that the process may have: with more in use its next callables might find none
DESCRIPTORS_MIN = 10  # with fewer allowed it cannot look at all its sockets: ``poll`` refuses more than the limit
_LIMITS = {name: getattr(resource, name) for name in ("RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_AS", "RLIMIT_NPROC")}
_CHEAP: tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...] = (
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (sys.getswitchinterval, sys.setswitchinterval),
    (sys.get_int_max_str_digits, sys.set_int_max_str_digits),
    (socket.getdefaulttimeout, socket.setdefaulttimeout),
    (gc.isenabled, lambda value: gc.enable() if value else gc.disable()),
)


class AsFound:
    """Of this process, in which one callable at a time is called."""

    def __init__(self) -> None:
        self._has_begun = False

    def begin(self) -> None:
        """What is so now is what callables are to find. Before that nothing is put back."""
        self._has_begun = True
        self._folder = ""
        with contextlib.suppress(OSError):
            self._folder = os.getcwd()  # noqa: PTH109 - a path object for each call would take longer than all else
        self._mask = os.umask(0)
        os.umask(self._mask)
        self._users = os.getresuid()
        self._descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._limits = {name: _limit(number) for name, number in _LIMITS.items()}
        self._learn()

    def imported(self) -> None:
        """A module was imported for the first time. What that changes stays, for it happens once for all calls; but
        not the working folder and the mask, by which they would not agree with those of other modules."""
        if self._has_begun:
            self._learn()
            self.put_back()

    def put_back(self) -> None:
        """A callable that is called now finds what the first one did."""
        if not self._has_begun:
            return
        os.umask(self._mask)
        if resource.getrlimit(resource.RLIMIT_NOFILE) != self._descriptors:
            self._put_descriptors_back()
        for read, write, value in self._ways:
            if read() != value:
                write(value)
        if vars(builtins) != self._names:
            self._put_names_back()
        if os.environ is not self._environ or self._raw != self._variables:
            self._put_variables_back()
        if sys.path is not self._path or self._path != self._entries:
            self._put_path_back()
        with contextlib.suppress(OSError):
            self._go_back()

    def wear(self) -> str:
        """What a callable has changed for good, in words; empty when nothing is."""
        if not self._has_begun:
            return ""
        if locale.setlocale(locale.LC_ALL) != self._locale:
            locale.setlocale(locale.LC_ALL, self._locale)
        try:
            lowest_free = _lowest_free_descriptor()
        except OSError as error:
            return f"a callable has left its process without descriptors: {error}"
        if lowest_free > _limit(resource.RLIMIT_NOFILE) * DESCRIPTORS_SHARE:
            return f"callables have left {lowest_free} descriptors open"
        lowered = [name for name, value in self._limits.items() if _limit(_LIMITS[name]) < value]
        changed = [*lowered, *(["the user"] if os.getresuid() != self._users else [])]
        return f"a callable has changed {' and '.join(changed)} of its process" if changed else ""

    def _learn(self) -> None:
        self._locale = locale.setlocale(locale.LC_ALL)
        self._ways = [(read, write, read()) for read, write in _CHEAP]
        self._names = dict(vars(builtins))
        self._environ = os.environ
        self._raw: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]  # else all would be decoded
        self._variables = dict(self._raw)
        self._path, self._entries = sys.path, list(sys.path)

    def _put_descriptors_back(self) -> None:
        """As far as the system lets us. Where it leaves too few, the process ends here: it would hear of nothing."""
        soft, hard = self._descriptors
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if _limit(resource.RLIMIT_NOFILE) < DESCRIPTORS_MIN:
            os._exit(1)

    def _put_names_back(self) -> None:
        """Those that all code may use without an import: this process would fail of them, and say nothing."""
        names = vars(builtins)
        for name in names.keys() - self._names.keys():
            del names[name]
        names.update(self._names)

    def _put_variables_back(self) -> None:
        os.environ = self._environ  # noqa: B003 - it may be another object now
        for name in self._raw.keys() - self._variables.keys():
            os.environb.pop(name, None)
        os.environb.update(self._variables)
        time.tzset()

    def _put_path_back(self) -> None:
        """What was there comes first again, and what was added behind it: modules that came with it may need it."""
        found = sys.path if isinstance(sys.path, list) else []
        sys.path = self._path
        sys.path[:] = self._entries = [*self._entries, *(each for each in found if each not in self._entries)]

    def _go_back(self) -> None:
        try:
            is_there = os.getcwd() == self._folder  # noqa: PTH109
        except OSError:  # it was removed
            is_there = False
        if not is_there:
            os.chdir(self._folder)


AS_FOUND = AsFound()


def _lowest_free_descriptor() -> int:
    """OSError when there is none, or one of the standard streams is closed."""
    for stream in (1, 2):
        os.get_inheritable(stream)
    os.close(lowest := os.dup(0))
    return lowest


def _limit(number: int) -> float:
    soft, _hard = resource.getrlimit(number)
    return math.inf if soft == resource.RLIM_INFINITY else soft

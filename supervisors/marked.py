"""A variable in what /proc shows as the environment of a process that was forked, not exec'ed.

What is shown there is the memory that the program was started with; ``os.environ`` has moved on. So the variable is
written into that memory, from which the C library's own environment has been moved away before.
"""

from __future__ import annotations

import ctypes
import os

from supervisors.linux import environment_room


def has_room(name: str, value: str) -> bool:
    """Whether ``show_variable`` could be called here, or in a fork child."""
    _, size = environment_room()
    return len(_entry(name, value)) <= size


def show_variable(name: str, value: str) -> None:
    """``name`` has that value in this process and for what it execs, and /proc shows so: also of its later fork
    children. The rest of what is shown stays, but for variables that are no more, and the longest ones when there is no
    room for all. While this process has one thread; where ``has_room``."""
    start, size = environment_room()
    ours = _entry(name, value)
    assert len(ours) <= size
    others = os.environb.keys() - {name.encode()}
    shown = [each + b"\0" for each in ctypes.string_at(start, size).split(b"\0") if each.partition(b"=")[0] in others]
    while sum(map(len, shown)) + len(ours) > size:
        shown.remove(max(shown, key=len))
    os.environ[name] = value
    for key, text in os.environ.items():
        os.putenv(key, text)
    data = b"".join([ours, *shown])
    ctypes.memmove(start, data.ljust(size, b"\0"), size)


def _entry(name: str, value: str) -> bytes:
    return f"{name}={value}".encode() + b"\0"

"""What analyzers are told of a task that failed for good. Apart, because who only reads states need not load plans."""

from __future__ import annotations

from msgspec import Struct

ERROR_CHARS_MAX = 4000


class FailedTask(Struct, frozen=True):
    """The task ``id`` failed for good with its attempt number ``attempt``. ``output`` is the end of what that one
    printed, where it has been read."""

    id: str
    attempt: int
    error: str
    output: str = ""

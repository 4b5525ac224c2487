"""A line for each beginning and end of a task's work, in the file that ``AIDOS_CHAOS_RECORDS`` names; else nothing.

A runtime keeps its own ``AIDOS_`` variables from its tasks, so that name is for the ``env`` of a task; whoever starts
the runtime says ``CHAOS_RECORDS`` instead.

A line is ``TASK ATTEMPT IDEMPOTENCY_KEY start|end TIME_NS PID``, TIME_NS since 1970. It stands for what a task does to
the outside world (a mail sent, a payment made): whoever reads the file sees every attempt that really ran.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLES = ("AIDOS_CHAOS_RECORDS", "CHAOS_RECORDS")


def note(moment: str) -> None:
    """The line is in the file as a whole, whoever else writes to it at the same time."""
    path = next(filter(None, map(os.environ.get, VARIABLES)), None)
    if path is None:
        return
    who = [os.environ.get(name, "-") for name in ("AIDOS_TASK", "AIDOS_ATTEMPT", "AIDOS_IDEMPOTENCY_KEY")]
    line = " ".join([*who, moment, str(time.time_ns()), str(os.getpid())])
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.write(handle, line.encode() + b"\n")
    finally:
        os.close(handle)


@contextmanager
def recorded() -> Iterator[None]:
    """``start`` before the work and ``end`` after it, unless it was ended or raised."""
    note("start")
    yield
    note("end")


if __name__ == "__main__":
    note(sys.argv[1])

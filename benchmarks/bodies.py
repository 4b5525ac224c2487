"""What the measured tasks call. Imported by the workers, so it imports little."""

from __future__ import annotations

import os
import time

WAIT_MAX_S, PAUSE_S = 600.0, 0.005


def noop() -> None:
    """Nothing."""


def wait_for(file: str) -> None:
    """Returns when ``file`` is there; ``TimeoutError`` after ten minutes."""
    until = time.monotonic() + WAIT_MAX_S
    while not os.path.exists(file):  # noqa: PTH110  this imports little
        if time.monotonic() > until:
            raise TimeoutError(f"{file} has not come")
        time.sleep(PAUSE_S)


def work(number: int, ms: float, log: str) -> None:
    """``ms`` milliseconds of work, whose begin and end are a line each in ``log``: what, number, moment, process."""
    _say(log, f"begin {number} {time.monotonic():.6f} {os.getpid()}\n")
    time.sleep(ms / 1000)
    _say(log, f"end {number} {time.monotonic():.6f} {os.getpid()}\n")


def _say(log: str, line: str) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)

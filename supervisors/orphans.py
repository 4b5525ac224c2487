"""What a process that ended has left behind: found and ended by its supervisor.

Every process of a tree is a child subreaper. So what an actor starts stays below that actor, daemons included, for as
long as it lives; and when it has ended, all of that stands directly below its supervisor, whose other children are
known to it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection

from supervisors.linux import children, descendants

LIMIT_S = 1.0
PAUSE_S = 0.001


def end_orphans(known: Collection[int]) -> int:
    """Nothing lives below this process but its children in ``known`` and what is below them; how many there were. The
    rest has been ended by SIGKILL and reaped. What still lives after ``LIMIT_S`` seconds is left to the next call."""
    ended: set[int] = set()
    until = time.monotonic() + LIMIT_S
    while strays := [pid for pid in children(os.getpid()) if pid not in known]:
        for pid in [below for stray in strays for below in descendants(stray)] + strays:
            _kill(pid)
        for pid in strays:
            if _reaped(pid):
                ended.add(pid)
        if time.monotonic() > until:
            break
        time.sleep(PAUSE_S)
    return len(ended)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True

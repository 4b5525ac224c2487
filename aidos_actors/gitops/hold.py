"""A target held still while a gate judges what is to go onto it, for when others move it faster than the gate answers.

Held is a branch by git's own lock file: whoever wants to move it meanwhile is told by git that another process is at
work, and tries again. Nothing of theirs is lost, and our results are not starved by theirs.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

HOLD_MAX_S = 300.0


class Hold:
    """The lock file of one branch, taken by this process and kept open, by which it is told from a stale one."""

    def __init__(self, common_dir: str, target: str) -> None:
        self._path = Path(common_dir) / "refs" / "heads" / f"{target}.lock"
        self._file: int | None = None
        self._guard = threading.Lock()

    def take(self) -> None:
        """The branch is held, unless somebody else holds it, or it cannot be: that is only a chance less."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644)
        except OSError:
            return

    def let_go(self) -> None:
        """The branch is not held by us; safe to repeat, from any thread. A lock that took our lock's place stays."""
        with self._guard:
            file, self._file = self._file, None
            if file is None:
                return
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(file), self._path.stat()):
                    self._path.unlink()
            os.close(file)


@contextlib.contextmanager
def held(common_dir: str, target: str, *, is_wanted: bool, limit_s: float = HOLD_MAX_S) -> Iterator[Hold]:
    """``target`` is held within, at most ``limit_s`` and until it is let go of, when that ``is_wanted``."""
    hold = Hold(common_dir, target)
    timer = threading.Timer(limit_s, hold.let_go)
    timer.daemon = True
    try:
        if is_wanted:
            hold.take()
            timer.start()
        yield hold
    finally:
        timer.cancel()
        hold.let_go()

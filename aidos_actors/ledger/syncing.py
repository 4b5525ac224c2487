"""Syncs beside the caller, and few of them: a disk and a processor work at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

WITHIN_S = 1.0


class Syncing:
    """``sync`` is called within about ``WITHIN_S`` of being wanted, once for all that want it meanwhile, in a thread
    that begins with the first wish and ends with the process; with nothing to sync it waits. For one user, and of no
    use after a fork."""

    def __init__(self, sync: Callable[[], None]) -> None:
        self._sync = sync
        self._wishes: SimpleQueue[None] = SimpleQueue()
        self._is_wanted = False
        self._one_at_a_time = threading.Lock()
        self._thread: threading.Thread | None = None
        self.error: OSError | None = None  # of the last sync, after which there are no more until it is taken away

    def soon(self) -> None:
        """What was written by now will be synced; ``error`` says when that has failed."""
        if self._is_wanted:
            return
        self._is_wanted = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="syncing", daemon=True)
            self._thread.start()
        self._wishes.put(None)

    def now(self) -> None:
        """What was written by now is synced, and no sync is under way. Raises ``error``."""
        self._is_wanted = True
        self._do()
        if self.error is not None:
            raise self.error

    def _do(self) -> None:
        with self._one_at_a_time:
            is_wanted, self._is_wanted = self._is_wanted, False  # first: what is written from here on wants another
            if is_wanted and self.error is None:
                try:
                    self._sync()
                except OSError as error:
                    self.error = error

    def _run(self) -> None:
        while True:
            self._wishes.get()
            time.sleep(WITHIN_S)
            self._do()

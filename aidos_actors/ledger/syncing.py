"""Syncs beside the caller, so that a disk and a processor work at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Syncing:
    """One thread, begun with the first sync; it ends with the process. For one user, and of no use after a fork."""

    def __init__(self) -> None:
        self._begun: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._ended: SimpleQueue[BaseException | None] = SimpleQueue()
        self._under_way = 0
        self._thread: threading.Thread | None = None

    def begin(self, sync: Callable[[], None]) -> None:
        """``sync()`` runs beside the caller, after those begun before it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="syncing", daemon=True)
            self._thread.start()
        self._under_way += 1
        self._begun.put(sync)

    def finish(self) -> None:
        """All that were begun have ended; the first error of theirs is raised."""
        errors = []
        while self._under_way:
            error = self._ended.get()
            self._under_way -= 1
            if error is not None:
                errors.append(error)
        if errors:
            raise errors[0]

    def _run(self) -> None:
        while True:
            sync = self._begun.get()
            try:
                sync()
            except BaseException as error:
                self._ended.put(error)
            else:
                self._ended.put(None)

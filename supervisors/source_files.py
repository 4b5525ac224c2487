"""The files that this process's modules were imported from, and whether they are still what they were."""

from __future__ import annotations

import os
import sys


class SourceFiles:
    """Made by ``imported``, when all that matters has been imported."""

    def __init__(self, paths: set[str]) -> None:
        self._seen = {path: found for path in paths if (found := _identity(path)) is not None}

    @classmethod
    def imported(cls) -> SourceFiles:
        """The files of all modules of this process, as they are now."""
        paths = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
        return cls({path for path in paths if isinstance(path, str)})

    def have_changed(self) -> bool:
        """Whether another file stands in the place of one of them. One that is missing has not changed: an upgrade may
        be under way, and what is in memory works."""
        return any(_identity(path) not in (None, seen) for path, seen in self._seen.items())


def _identity(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a thousand of them before each start
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns

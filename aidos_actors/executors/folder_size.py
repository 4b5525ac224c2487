"""How much lies in a folder, looked at no further than a limit. Standard library only: minders use it too."""

from __future__ import annotations

import os

ENTRIES_MAX = 20_000


def is_over(folder: str | bytes, bytes_max: int, entries_max: int = ENTRIES_MAX) -> bool:
    """Whether files below ``folder`` hold more than ``bytes_max`` bytes on the disk, or it has more entries than
    ``entries_max``. Follows no link. What vanishes meanwhile, and a folder that is not there, count nothing."""
    size_bytes = entries = 0
    waiting = [] if os.path.islink(folder) else [folder]  # noqa: PTH114 - minders do without pathlib
    while waiting:
        try:
            with os.scandir(waiting.pop()) as listing:
                for entry in listing:
                    entries += 1
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        size_bytes += _on_disk(entry.stat(follow_symlinks=False))
                    if size_bytes > bytes_max or entries > entries_max:
                        return True
        except OSError:
            continue
    return False


def _on_disk(status: os.stat_result) -> int:
    """A file with holes takes less than its length says."""
    return min(status.st_size, status.st_blocks * 512)

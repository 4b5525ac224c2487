"""Objects that lie about singly, one file each, are put into a pack when there are many: git does so after some of its
users' commands, and where nobody but us works none of these may come for years.

Nothing is lost by it, whoever works there at the same time: a pack is whole and on disk before the single files of the
same objects go, and a git that misses one looks for new packs. What no ref names is packed like the rest, so that how
long it stays is decided by nobody but the user's own ``git gc``. The locks of ``git gc`` and ``git maintenance`` are
not taken, so that none can stay behind a killed one and keep the user's from their work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from aidos_actors.gitops.git import HEAVY_TIMEOUT_S, Git
from supervisors.linux import sync_folder

LOOSE_MAX = 6700
"""As many as git itself, by its default, lets lie about."""
WINDOW_MEMORY = "64m"
SYNCED = "pack,pack-metadata"  # the index of a pack, too: without it the pack is of no use
_FOLDERS = 256
_SAMPLE = "17"
_NAME = re.compile("[0-9a-f]{38}|[0-9a-f]{62}")


def pack_if_many(git: Git, loose_max: int = LOOSE_MAX) -> bool:
    """No more than about ``loose_max`` objects lie about singly; whether more did. Raises ``GitFailed`` when one of
    them cannot be read; then all stay as they are."""
    objects = Path(git.common_dir) / "objects"
    if len(_names(objects / _SAMPLE)) * _FOLDERS <= loose_max:
        return False
    packs, listed = objects / "pack", "".join(f"{name}\n" for name in _loose(objects))
    packing = ("pack-objects", "--quiet", "--threads=1", f"--window-memory={WINDOW_MEMORY}", str(packs / "pack"))
    git.call("-c", f"core.fsync={SYNCED}", *packing, data=listed.encode(), timeout_s=HEAVY_TIMEOUT_S)
    sync_folder(packs)  # before the single files go
    git.call("prune-packed", "--quiet", timeout_s=HEAVY_TIMEOUT_S)
    return True


def _loose(objects: Path) -> Iterator[str]:
    for number in range(_FOLDERS):
        folder = f"{number:02x}"
        yield from (folder + name for name in _names(objects / folder))


def _names(folder: Path) -> list[str]:
    """Of the objects in one of the folders, one for each first byte of their names."""
    return sorted(path.name for path in folder.glob("*") if _NAME.fullmatch(path.name))

"""Taking folders away, whatever is in them; and the ends of files."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path

DELETE_TRIES_MAX = 3


def end_of(file: Path, size_bytes: int) -> str:
    """The last bytes of ``file``, as text. OSError."""
    with file.open("rb") as handle:
        handle.seek(max(0, handle.seek(0, os.SEEK_END) - size_bytes))
        return handle.read().decode(errors="replace")


def is_real_folder(path: Path) -> bool:
    """``path`` is a folder, and no link to one."""
    return path.is_dir() and not path.is_symlink()


def delete_tree(path: Path) -> None:
    """``path``, file or folder, is gone; read-only folders inside are no obstacle. Raises ``OSError`` if it stays."""
    if not is_real_folder(path):
        path.unlink(missing_ok=True)
        return None
    for tries_left in reversed(range(DELETE_TRIES_MAX)):
        path.chmod(stat.S_IRWXU)
        for folder, names, _ in os.walk(path):
            for name in names:
                inner = Path(folder, name)
                if not inner.is_symlink():
                    inner.chmod(stat.S_IRWXU)
        try:
            return shutil.rmtree(path)
        except OSError as error:  # something still wrote into it
            if error.errno != errno.ENOTEMPTY or tries_left == 0:
                raise
    return None


def remove_if_empty(folder: Path) -> None:
    """``folder`` is gone, or there is something in it, or it cannot be removed; in no case an error."""
    try:
        folder.rmdir()
    except OSError:
        pass


def remove_empty_parents(path: Path) -> None:
    """``path`` is the folder of an attempt that has gone: those of its task and its requirement go, once empty."""
    remove_if_empty(path.parent)
    remove_if_empty(path.parent.parent)

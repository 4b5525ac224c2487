"""Taking folders away, whatever is in them; and the ends of files."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from uuid import uuid4

DELETE_TRIES_MAX = 3
PATH_CHARS_MAX = 900  # with one name more it fits the 4,096 bytes that the system takes, of any characters


def end_of(file: Path, size_bytes: int) -> str:
    """The last bytes of ``file``, as text. OSError."""
    with file.open("rb") as handle:
        handle.seek(max(0, handle.seek(0, os.SEEK_END) - size_bytes))
        return handle.read().decode(errors="replace")


def is_real_folder(path: Path) -> bool:
    """``path`` is a folder, and no link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def delete_tree(path: Path) -> None:
    """``path``, file or folder, is gone, however deep it is; read-only folders inside are no obstacle. Raises
    ``OSError`` if it stays."""
    try:
        path.rmdir()  # one call is all that many need: they are empty
        return
    except OSError:
        pass
    if not is_real_folder(path):
        path.unlink(missing_ok=True)
        return
    for tries_left in reversed(range(DELETE_TRIES_MAX)):
        try:
            _empty(path)
            path.rmdir()
            return
        except OSError as error:  # something still wrote into it
            if error.errno != errno.ENOTEMPTY or tries_left == 0:
                raise


def _empty(top: Path) -> None:
    """A folder whose path grows too long moves up to ``top`` before it is looked into."""
    waiting, folders = [str(top)], list[str]()
    while waiting:
        folder = waiting.pop()
        if len(folder) > PATH_CHARS_MAX:
            folder = _moved(folder, f"{top}/{uuid4().hex}")
        os.chmod(folder, stat.S_IRWXU)  # noqa: PTH101 - a path object for each would take longer than the call
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            with os.scandir(handle) as listing:
                for entry in tuple(listing):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{folder}/{entry.name}")
                    else:
                        os.unlink(entry.name, dir_fd=handle)
        finally:
            os.close(handle)
        folders.append(folder)
    for folder in reversed(folders[1:]):
        os.rmdir(folder)  # noqa: PTH106


def _moved(folder: str, to: str) -> str:
    os.chmod(folder, stat.S_IRWXU)  # noqa: PTH101 - else it cannot leave the one it is in
    os.rename(folder, to)  # noqa: PTH104
    return to


def remove_if_empty(folder: Path) -> None:
    """``folder`` is gone, or there is something in it, or it cannot be removed; in no case an error."""
    try:
        folder.rmdir()
    except OSError:
        pass

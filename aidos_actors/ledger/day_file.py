"""One day file, held open while its day lasts: to open a file for each commit takes a tenth of the commit."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from supervisors.linux import sync_folder


def refuse_odd(path: Path) -> None:
    """OSError when something stands there that is no file: to open a pipe would wait for its other end."""
    if os.path.lexists(path) and not path.is_file():
        raise OSError(errno.ENOTSUP, "it is no file", str(path))


class DayFile:
    """The file ``path`` (0600), made when missing, for writing at its end. ``synced_bytes``: so much of it is on disk,
    what it held at first being believed. OSError as the disk says. Open until ``close``, which must not come while a
    sync is under way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        refuse_odd(path)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self._handle = os.open(path, flags, 0o600)
        at = os.fstat(self._handle)
        self._identity = (at.st_dev, at.st_ino)
        self._is_new = at.st_size == 0
        self._bytes = self.synced_bytes = at.st_size

    @property
    def is_lost(self) -> bool:
        """Somebody has removed it, put another one in its place, made it shorter or written to it."""
        try:
            at = os.lstat(self.path)
        except OSError:
            return True
        return (at.st_dev, at.st_ino) != self._identity or at.st_size != self._bytes

    def append(self, data: bytes) -> None:
        """The data is written, and on disk after ``sync``."""
        view = memoryview(data)
        while view:
            written = os.write(self._handle, view)
            self._bytes += written
            view = view[written:]

    def sync(self) -> None:
        """What was written by now is on disk, and so is the file's name. Any thread, beside one that writes."""
        size = os.fstat(self._handle).st_size
        os.fdatasync(self._handle)
        if self._is_new:
            sync_folder(self.path.parent)
            self._is_new = False
        self.synced_bytes = size

    def close(self) -> None:
        os.close(self._handle)

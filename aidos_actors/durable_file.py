"""A file that holds the whole of one content or of the other, whenever the power goes."""

from __future__ import annotations

import os
from pathlib import Path

from supervisors.linux import sync_folder


def write_durably(path: Path, content: bytes, part: Path) -> None:
    """``path`` holds ``content`` (0600), and does after a power cut; before that it held what it held. ``part`` lies
    beside it and is gone, whatever was there before. OSError: ``path`` is as it was, and ``part`` may be left."""
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)

"""Texts too large for a message: written once under their own SHA-256, synced before the message that names them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from aidos_actors import crash
from aidos_actors.durable_file import write_durably

INLINE_CHARS_MAX = 100_000
PREFIX = "blob:"


def put_text(folder: Path, text: str) -> str:
    """A reference to ``text``: the text itself when it is short, else the name of a durable file in ``folder``."""
    if len(text) <= INLINE_CHARS_MAX and not text.startswith(PREFIX):
        return text
    body = text.encode()
    name = hashlib.sha256(body).hexdigest()
    path = folder / name
    if not path.exists():
        crash.before("document-stored")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _remove_unfinished(folder)
        write_durably(path, body, folder / f"{name}.{os.getpid()}.part")
        crash.after("document-stored")
    return PREFIX + name


def _remove_unfinished(folder: Path) -> None:
    """What a writer that is gone has left; a reused pid only makes it stay."""
    for part in folder.glob("*.part"):
        if not Path(f"/proc/{part.name.split('.')[1]}").exists():
            part.unlink(missing_ok=True)


def get_text(folder: Path, reference: str) -> str:
    """The text ``put_text`` was given. OSError when its file has gone, ValueError when it is not what it was."""
    if not reference.startswith(PREFIX):
        return reference
    name = reference.removeprefix(PREFIX)
    body = (folder / name).read_bytes()
    if hashlib.sha256(body).hexdigest() != name:
        raise ValueError(f"the stored text {name} is damaged")
    return body.decode()

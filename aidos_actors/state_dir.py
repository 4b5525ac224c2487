"""The state directory, before anything is in it."""

from __future__ import annotations

import os
from pathlib import Path

from aidos_actors.core.errors import TryAgain, Unfit
from aidos_actors.ledger.mounts import refuse_network_filesystem
from aidos_actors.machine_errors import HINT_PASSING, PASSING
from supervisors.premises import LOCK_NAME

STATE_PATH_BYTES_MAX = 480  # SQLite opens no path over 511 bytes, and adds names of its own


def prepare_state_dir(state_dir: str | os.PathLike[str]) -> Path:
    """The state directory, absolute, made when missing, hidden from git. ``Unfit`` on a network file system."""
    if not os.fspath(state_dir):
        raise Unfit("the state directory has no name", hint="name one: the working folder is nobody's by chance")
    path = Path(state_dir).absolute()
    refuse_network_filesystem(path if path.exists() else path.parent)
    path = path.resolve()
    if len(os.fsencode(path)) > STATE_PATH_BYTES_MAX:
        hint = f"give one of at most {STATE_PATH_BYTES_MAX} bytes with --state"
        raise Unfit(f"the path of the state directory has {len(os.fsencode(path))} bytes; SQLite opens none", hint=hint)
    ignore = path / ".gitignore"
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not ignore.exists():
            ignore.write_text("*\n")
        os.close(os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # as the guardian will
    except OSError as error:
        text = f"{path} cannot be the state directory: {error.strerror}"
        if error.errno in PASSING:
            raise TryAgain(text, hint=HINT_PASSING) from error
        raise Unfit(text, hint="name another with --state, or look at its owner and mode") from error
    return path

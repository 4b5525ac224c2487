"""Whether a disk is full: what ends badly there may have ended so because of that, and nobody can tell."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec.structs import replace

from aidos_actors.core.orders import AttemptOutcome
from aidos_actors.core.retry import EXCEPTION

FULL_BELOW_BYTES = 1024 * 1024


def full_disk(*places: str | Path) -> str | None:
    """The first of these places on whose disk there is no room for this user. A place that cannot be looked at says
    nothing."""
    return next((str(place) for place in places if _is_full(place)), None)


def blamed(outcome: AttemptOutcome, *places: str | Path) -> AttemptOutcome:
    """The same, unless it has failed by itself, by an exit code or an exception, while one of the places is on a full
    disk: then the machine has failed, and no retry is used up."""
    by_itself = outcome.fault == "own" and (outcome.exit_code or any(map(_is_exception, outcome.causes)))
    place = full_disk(*places) if by_itself else None
    if place is None:
        return outcome
    return replace(outcome, fault="infra", error=f"{outcome.error}; the disk of {place} is full")


def _is_exception(cause: str) -> bool:
    return cause.startswith(EXCEPTION)


def _is_full(place: str | Path) -> bool:
    try:
        disk = os.statvfs(place)
    except OSError:
        return False
    if disk.f_blocks == 0:  # it does not say: some that lie in the memory or behind a program do not
        return False
    is_roots = os.geteuid() == 0  # some of the room is kept for root
    room_bytes = (disk.f_bfree if is_roots else disk.f_bavail) * disk.f_frsize
    names = disk.f_ffree if is_roots else disk.f_favail
    return room_bytes < FULL_BELOW_BYTES or (disk.f_files > 0 and names == 0)

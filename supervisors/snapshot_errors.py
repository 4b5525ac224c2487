"""What can be wrong with stored state, told apart by who must act."""

from __future__ import annotations


class SnapshotError(Exception):
    """Stored state could not be read or written as it must be. The actor it belongs to ends with this as its reason."""


class SnapshotUnreadable(SnapshotError):
    """What is stored cannot be used: a person, or a newer or older program, must act. Nothing was changed.

    ``kind``: torn (cut off or altered) | foreign (not of our making) | stale (belongs to another actor or version) |
    newer (written by a program newer than this one) | missing (it was there once) | invalid (does not fit ``State``).
    """

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(f"{kind}: {why}")
        self.kind = kind
        self.why = why


class SnapshotConflict(SnapshotError):
    """Another incarnation owns the state now, or the version is not the next one. Nothing was written; this process
    must end. ``stored`` and ``offered`` are (generation, version)."""

    def __init__(self, stored: tuple[int, int], offered: tuple[int, int]) -> None:
        was, is_now = f"generation {stored[0]}, version {stored[1]}", f"generation {offered[0]}, version {offered[1]}"
        super().__init__(f"stored is {was}; refused is {is_now}")
        self.stored = stored
        self.offered = offered


class SnapshotNotWritten(SnapshotError):
    """The disk is full or failing, or the state is too large or no JSON. Whether the write took effect is not known;
    nothing that depends on it has left the actor."""


class SnapshotUnavailable(SnapshotError):
    """The place where state is kept cannot be opened now (rights, input/output, owned by a living process). Nothing is
    said about what it holds; trying again later is right."""

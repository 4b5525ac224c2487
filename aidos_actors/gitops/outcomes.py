"""What may come of bringing work onto a target, and what a gate says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from aidos_actors.core.errors import AidosError
from aidos_actors.core.orders import AttemptKey


class Unstorable(AidosError):
    """The task left something that git cannot store; the attempt failed by itself."""

    code = "unstorable"


class Integrated(Struct, frozen=True):
    """The work is on the target as ``commit``; None when there was nothing to add to it, ``is_unchanged`` when the
    worktree held what it began with."""

    commit: str | None
    is_unchanged: bool = False


class Conflicted(Struct, frozen=True):
    """The work does not merge with what others published meanwhile; ``files`` names at most 1,000 of the places."""

    files: tuple[str, ...]


class GateFailed(Struct, frozen=True):
    """The gate refused the merge result, or git cannot store the work (exit code 1, ``is_unstorable``). The target did
    not move."""

    output_tail: str
    exit_code: int
    is_unstorable: bool = False


class Gone(Struct, frozen=True):
    """The worktree is gone, and with it what its attempt made."""

    message: str


class GateResult(Struct, frozen=True):
    """How the gate's command ended; 0 lets the work pass."""

    exit_code: int
    output_tail: str = ""


Outcome = Integrated | Conflicted | GateFailed | Gone
Gate = Callable[[AttemptKey, str, str], GateResult]  # (the last attempt it sees, folder, tree)
Emit = Callable[[str, Mapping[str, Any]], None]


def emit_nothing(stage: str, facts: Mapping[str, Any]) -> None:
    pass

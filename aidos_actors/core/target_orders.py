"""What the Scheduler has GitOps do to a target as such, and what it says back. As all orders, they may come twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from aidos_actors.core.orders import AttemptKey


class Watch(Struct, frozen=True):
    """To GitOps: look now and then whether the gate ``verify`` lets the head of ``target`` pass, until ``Unwatch`` or a
    newer epoch. ``key`` names the requirement only."""

    key: AttemptKey
    repo: str
    target: str
    target_base: str
    verify: str


class Unwatch(Struct, frozen=True):
    """To GitOps: the requirement that ``key`` names has ended. One that never hears it looks in vain."""

    key: AttemptKey
    repo: str


class Revert(Struct, frozen=True):
    """To GitOps: take the commit of this attempt back, by one more commit on ``target``; ``reason`` goes into it."""

    key: AttemptKey
    repo: str
    target: str
    target_base: str
    reason: str


class Push(Struct, frozen=True):
    """GitOps' order to itself: bring the targets of ``repo`` to its remote. ``key`` names nothing."""

    key: AttemptKey
    repo: str


class Sweep(Struct, frozen=True):
    """To GitOps: of the worktrees of ``repo`` only those ``live`` are known to the rows; take the others away, and what
    else earlier lives left. ``key`` names nothing, or the requirement that has ended: then only its worktrees are
    meant. Carried out at once or never: the rows go on."""

    key: AttemptKey
    repo: str
    live: tuple[str, ...]


class Sighting(Struct, frozen=True):
    """What GitOps saw of a target at ``head``. Red: ``commit``, written ``by`` somebody, did it, when that is known;
    ``culprit`` is the attempt it came from, when it is one of ours that can be taken back."""

    head: str
    is_red: bool
    commit: str | None = None
    culprit: AttemptKey | None = None
    by: str | None = None
    error: str | None = None


class Reversal(Struct, frozen=True):
    """GitOps' answer to ``Revert``: the commit that takes it back; or ``kept``, which stays, because of ``error``.
    Neither: it is not on the target."""

    commit: str | None
    kept: str | None = None
    error: str | None = None

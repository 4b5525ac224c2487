"""What is said to the registrar and by it: who lives where, and what happened to whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from supervisors.errors import ExitReason
from supervisors.messages import ChildInfo, LifecycleEvent

INCARNATIONS_MAX = 4
"""Only the last lives under a path can still have something on the way, or wait for something."""


def checked_name(target: str) -> str:
    """``target``, an id or an id path. TypeError for what can be neither."""
    if not isinstance(target, str):
        raise TypeError(f"target={target!r} must be an id or an id path")
    return target


def pid_of(incarnation: str) -> int:
    """The process on this machine that an incarnation is; 0 for one in virtual time."""
    head = incarnation.partition("-")[0]
    return int(head) if head.isdigit() else 0


class Locate(Struct, frozen=True):
    """To the registrar: where is ``name``, a path or a unique id, now and whenever that changes? Who ``stays`` wants to
    know of what may come under that name, too; the others only of what is there, until it is gone. ``incarnation`` is
    the asker's own."""

    name: str
    asker: str
    incarnation: str = ""
    stays: bool = False


class Leave(Struct, frozen=True):
    """To the registrar, from one who stayed: it is to be told of ``name`` no more."""

    name: str
    asker: str
    incarnation: str


class Located(Struct, frozen=True):
    """``name`` stands for ``path`` (empty: nothing yet), alive when ``incarnation`` is set; ``is_stopped``: it does not
    come back by itself. ``begun`` is what the life that has just ended had begun. Comes at each change."""

    name: str
    path: str
    incarnation: str | None
    address: Any
    reason: ExitReason | None = None
    is_stopped: bool = False
    begun: Mapping[int, int] = field(default_factory=dict)


class Noted(Struct, frozen=True):
    """From a supervisor to the registrar: a lifecycle event, the child as it is now (None: forgotten), and what is
    needed to reach its process, or what it had begun. ``by`` is the incarnation of the supervisor."""

    event: LifecycleEvent
    child: ChildInfo | None = None
    incarnation: str | None = None
    address: Any = None
    by: str = ""
    begun: Mapping[int, int] = field(default_factory=dict)


class Degraded(Struct, frozen=True):
    """From an actor to the registrar: why this very process works with less than its full ability; empty: it is well
    again."""

    path: str
    incarnation: str
    at: float
    reason: str


class Sync(Struct, frozen=True):
    """From a supervisor to the registrar, which sends it back: by then everything noted before is known there."""

    then: Any


class Remark(Struct, frozen=True):
    """From an actor to the registrar: something worth an event, and no change of its life."""

    event: LifecycleEvent


class Listed(Struct, frozen=True):
    """From a supervisor to the registrar: the child at ``path`` is now this (None: forgotten), and no process began or
    ended by it. ``is_moved``: it is the last in start order from now on."""

    path: str
    child: ChildInfo | None
    by: str
    is_moved: bool = False

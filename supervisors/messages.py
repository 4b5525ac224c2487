"""What travels: answers for people and programs, and the sealed set of messages between processes of a tree.

Identity is (path, incarnation), never an address: addresses are used again by the operating system.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from msgspec import Struct, field

from supervisors.errors import ExitReason

KEY_CHARS_MAX = 200


def checked_key(key: str | None) -> str | None:
    """``key``, an idempotency key or None. ValueError for anything but a text of 1 to ``KEY_CHARS_MAX`` characters."""
    if key is not None and not (isinstance(key, str) and 0 < len(key) <= KEY_CHARS_MAX):
        raise ValueError(f"idempotency_key={key!r} must be a text of 1 to {KEY_CHARS_MAX} characters")
    return key


class _Ignore(Enum):
    IGNORE = "ignore"


IGNORE = _Ignore.IGNORE
"""Returned by ``on_start``: keep the spec, run no process."""


class ChildInfo(Struct, frozen=True):
    """One child as its supervisor sees it. ``kind``: supervisor or worker. ``state``: starting running stopping
    restarting stopped. ``pid`` None: no process of it has started. ``restarts``: how often it was to be brought back
    after an end of its own, failed attempts included. ``info``: what its ``on_start`` returned. ``last_exit``: the last
    end of this id, kept after a restart. ``started_at``: wall-clock seconds since the epoch. ``last_beat_s``: seconds
    since its process last began or ended a handler or showed progress, None without a process. ``degraded``: why it is
    not wholly well, by its own word or as its supervisor sees it."""

    id: str
    kind: str
    state: str
    pid: int | None
    restarts: int
    info: Any = None
    last_exit: ExitReason | None = None
    path: str = ""
    started_at: float | None = None
    strategy: str | None = None
    last_beat_s: float | None = None
    degraded: str | None = None


class ChildCounts(Struct, frozen=True):
    """Of one supervisor: its specs (1, the template, of a dynamic one); the children that run; all that are listed."""

    specs: int
    active: int
    supervisors: int
    workers: int


class LifecycleEvent(Struct, frozen=True):
    """Something that happened to a process of the tree. ``type``: started ignored exited degraded recovered, and of a
    durable actor's state snapshot_rejected snapshot_set_aside snapshots_discarded; unread: a message that could not be
    unpickled was dropped. ``at`` is wall-clock seconds since the epoch; ``detail`` says why, or what became of it."""

    at: float
    type: str
    path: str
    pid: int | None
    reason: ExitReason | None = None
    detail: str = ""


# ---- between the shells; ``*_address`` are opaque values of the system that carries them -----------------------------


class Hello(Struct, frozen=True):
    """First message to a new process: begin your start. ``registrar`` is the root's address, None for the root."""

    registrar: Any = None


class Stop(Struct, frozen=True):
    """From the supervisor: end in good order; what the mailbox still holds stays with its senders."""

    reason: ExitReason


class Deliver(Struct, frozen=True):
    """A message for the actor at ``path`` in this very ``incarnation``. ``request`` is set when an answer is waited
    for, and is then what the answer names. Without one, ``seq`` counts from 1 what this sender's incarnation sent to
    this incarnation by the name ``route``. A durable actor handles messages of the same ``key`` once."""

    path: str
    incarnation: str
    sender: str
    sender_incarnation: str
    seq: int
    payload: Any
    request: str | None = None
    route: str = ""
    key: str | None = None


class Began(Struct, frozen=True):
    """The receiver has begun to handle message ``seq`` of this sender's ``route``, and all before it: they will not be
    sent again."""

    path: str
    incarnation: str
    seq: int
    route: str = ""


class Answer(Struct, frozen=True):
    """To the one who asked. ``error`` is a SupervisorError or None."""

    request: str
    value: Any = None
    error: Exception | None = None


class Command(Struct, frozen=True):
    """From the door: a request to the supervisor ``target`` names. ``reply_to`` gets an ``Answer``."""

    request: str
    verb: str
    target: str
    args: Mapping[str, Any] = field(default_factory=dict)
    reply_to: Any = None


class ChildStarted(Struct, frozen=True):
    """From the system to a supervisor: its child has started."""

    child: str
    generation: int
    pid: int
    incarnation: str
    address: Any
    info: Any = None


class ChildIgnored(Struct, frozen=True):
    """From the system to a supervisor: its child has ended at once because there is nothing for it to run."""

    child: str
    generation: int
    pid: int | None = None


class ChildEnded(Struct, frozen=True):
    """From the system to a supervisor: this process of its child has ended; comes once per process. ``worked``: its
    page entry said that it had handled something. ``begun``: mark -> number of the last message begun."""

    child: str
    generation: int
    reason: ExitReason
    pid: int | None = None
    worked: bool = False
    begun: Mapping[int, int] = field(default_factory=dict)


class Peer(Struct, frozen=True):
    """To an actor that watches ``path``: alive as ``incarnation``, or gone (``incarnation`` None). ``reason`` says why
    it ended, and is None where it had ended before it was watched, or never was; of one that never was, ``path`` is
    the name it is watched by."""

    path: str
    incarnation: str | None
    reason: ExitReason | None = None


class Readable(Struct, frozen=True):
    """From the system: a descriptor that this process watches can be read."""

    fd: int


class JobDone(Struct, frozen=True):
    """The outcome of a job this very incarnation started: ``value``, or ``error`` with the exception it raised."""

    job: str
    value: Any = None
    error: BaseException | None = None

"""How a tree is described: frozen values, checked when they are built.

A wrong field raises ``SupervisorError`` with code ``bad_spec``, naming field and value; nothing is started.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from supervisors.backoff import NO_BACKOFF, Backoff, check_backoff
from supervisors.fields import number, refuse, text_id, whole

CHILDREN_MAX = 1000
SUPERVISOR_HEARTBEAT_S = 1.0


class Restart(StrEnum):
    """When an ended child comes back: PERMANENT always; TRANSIENT after an unexpected end only, which is any but
    ``normal`` and ``shutdown``; TEMPORARY never, and its spec is forgotten with it."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"


class Strategy(StrEnum):
    """Who is restarted with a child that ended: ONE_FOR_ONE itself; ONE_FOR_ALL all; REST_FOR_ONE itself and those
    after it, in start order; DYNAMIC itself, from a template, instances being started at run time. The others are
    stopped first, in reverse order. With them come back also those that had been stopped before; temporary ones do
    not."""

    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"
    DYNAMIC = "dynamic"


class Shutdown(StrEnum):
    """How a child is stopped when no number of seconds is given: at once by SIGKILL, or waited for without limit."""

    KILL = "kill"
    INFINITY = "infinity"


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How to start, stop and restart one actor.

    ``id``: unique among its siblings; a printable text without "/". ``actor``: a subclass of ManagedActor at the top of
    a module. ``args`` go to its ``on_start`` by name, at each start, and must pickle. ``shutdown``: how long an ordered
    stop may take: seconds, then SIGKILL; "infinity"; or "kill", SIGKILL at once and no ``on_stop``. ``significant``:
    its end for good may shut its supervisor down (see ``auto_shutdown`` there); not for permanent ones. ``backoff``:
    the wait before a restart, by default none. ``heartbeat_s``: seconds; a handler that shows no progress for twice as
    long is ended by SIGKILL; None: it may hang for ever. ``start_timeout_s``: seconds that ``on_start`` may take, then
    SIGKILL, and the start has failed.
    """

    id: str
    actor: type
    args: Mapping[str, Any] = field(default_factory=dict)
    restart: Restart = Restart.PERMANENT
    shutdown: float | Shutdown | str = 5.0
    significant: bool = False
    backoff: Backoff = NO_BACKOFF
    heartbeat_s: float | None = None
    start_timeout_s: float = 60.0

    def __post_init__(self) -> None:
        text_id(self.id)
        if not isinstance(self.actor, type) or not hasattr(self.actor, "_begin"):
            raise refuse(self.id, "actor", self.actor, "must be an actor class: a subclass of ManagedActor")
        if not isinstance(self.args, Mapping) or not all(isinstance(name, str) for name in self.args):
            raise refuse(self.id, "args", self.args, "must be a mapping from argument names to values")
        _restart(self, self.id, self.restart)
        if isinstance(self.shutdown, str):
            if self.shutdown not in ("kill", "infinity"):
                raise refuse(self.id, "shutdown", self.shutdown, "must be seconds, 'kill' or 'infinity'")
            object.__setattr__(self, "shutdown", Shutdown(self.shutdown))
        else:
            number(self.id, "shutdown", self.shutdown, least=0)
        _significant(self.id, self.significant, self.restart)
        _times(self)

    @property
    def is_supervisor(self) -> bool:
        return False

    @property
    def stop_s(self) -> float:
        """How long its stop may take."""
        if isinstance(self.shutdown, str):
            return math.inf if self.shutdown == Shutdown.INFINITY else 0.0
        return self.shutdown

    @property
    def watched_s(self) -> float | None:
        """The heartbeat it is watched by; None: not watched for hanging."""
        return self.heartbeat_s


def _restart(spec: object, what: str, value: object) -> None:
    try:
        object.__setattr__(spec, "restart", Restart(value))  # type: ignore[arg-type]
    except ValueError:
        raise refuse(what, "restart", value, "must be permanent, transient or temporary") from None


def _times(spec: ChildSpec | SupervisorSpec) -> None:
    check_backoff(spec.id, "backoff", spec.backoff)
    if spec.heartbeat_s is not None:
        number(spec.id, "heartbeat_s", spec.heartbeat_s, least=0, above=True)
    number(spec.id, "start_timeout_s", spec.start_timeout_s, least=0, above=True)


def _significant(what: str, significant: object, restart: Restart) -> None:
    if not isinstance(significant, bool):
        raise refuse(what, "significant", significant, "must be True or False")
    if significant and restart is Restart.PERMANENT:
        raise refuse(what, "significant", True, "needs restart transient or temporary: a permanent child never ends")


@dataclass(frozen=True, slots=True)
class SupervisorSpec:
    """A supervisor and what it keeps alive, in start order: each child is started when the one before it is up, and
    stopped when the one after it is gone (instances of a dynamic one all at once).

    ``max_restarts`` are allowed within any ``within_s`` seconds, the moment so long ago included; 0: none. Each end
    that its strategy acts on counts one, whoever is restarted with it, and so does each failed attempt to restart. With
    one more it stops all children and ends as ``shutdown``: above it, a transient supervisor stays stopped, a permanent
    one comes back, with the children of its spec. Over its limit before all were up, its start has failed.

    ``auto_shutdown``: it ends as ``shutdown`` when a significant child (any_significant), or the last of them
    (all_significant), has ended and does not come back; not when that was stopped by request or with its group.
    ``children`` of a dynamic one: exactly one template, whose ``args`` an instance's go over; ``initial`` instances are
    started by itself, named after it with a number from 1; at most ``max_children`` at once (None: any number), those
    that are being restarted included. ``restart``, ``significant``, ``backoff`` and ``start_timeout_s`` (seconds for
    all its first children together) are its own as a child, and say nothing of the root. Its stop has the
    time that its children have. ``preload`` names modules imported before any child is forked, so that all of them
    share the memory. ``heartbeat_s`` None: who watches others is watched as closely as the closest of them, but not
    closer than ``SUPERVISOR_HEARTBEAT_S``.
    """

    id: str
    strategy: Strategy = Strategy.ONE_FOR_ONE
    children: tuple[Spec, ...] = ()
    max_restarts: int = 3
    within_s: float = 5.0
    auto_shutdown: str = "never"
    max_children: int | None = None
    initial: int = 0
    restart: Restart = Restart.PERMANENT
    significant: bool = False
    backoff: Backoff = NO_BACKOFF
    preload: tuple[str, ...] = ()
    start_timeout_s: float = 120.0
    heartbeat_s: float | None = None

    def __post_init__(self) -> None:
        text_id(self.id)
        try:
            object.__setattr__(self, "strategy", Strategy(self.strategy))
        except ValueError:
            rule = f"must be one of {', '.join(Strategy)}"
            raise refuse(self.id, "strategy", self.strategy, rule) from None
        object.__setattr__(self, "children", tuple(self.children))
        _restart(self, self.id, self.restart)
        whole(self.id, "max_restarts", self.max_restarts, least=0)
        number(self.id, "within_s", self.within_s, least=0, above=True)
        if self.auto_shutdown not in ("never", "any_significant", "all_significant"):
            rule = "must be never, any_significant or all_significant"
            raise refuse(self.id, "auto_shutdown", self.auto_shutdown, rule)
        _significant(self.id, self.significant, self.restart)
        _times(self)
        if isinstance(self.preload, str) or not all(isinstance(name, str) for name in self.preload):
            raise refuse(self.id, "preload", self.preload, "must hold the names of modules")
        self._check_children()

    def _check_children(self) -> None:
        seen: set[str] = set()
        for child in self.children:
            if not isinstance(child, ChildSpec | SupervisorSpec):
                raise refuse(self.id, "children", child, "must hold ChildSpec and SupervisorSpec values")
            if child.id in seen:
                raise refuse(self.id, "children", child.id, "stands there twice")
            if child.significant and self.auto_shutdown == "never":
                raise refuse(child.id, "significant", True, f"needs auto_shutdown on supervisor {self.id!r}")
            seen.add(child.id)
        if len(self.children) > CHILDREN_MAX:
            raise refuse(self.id, "children", len(self.children), f"must be at most {CHILDREN_MAX}")
        whole(self.id, "initial", self.initial, least=0)
        if self.strategy is Strategy.DYNAMIC:
            if len(self.children) != 1:
                rule = "must be one template: strategy is 'dynamic'"
                raise refuse(self.id, "children", [child.id for child in self.children], rule)
            if self.max_children is not None:
                whole(self.id, "max_children", self.max_children, least=0)
                if self.initial > self.max_children:
                    raise refuse(self.id, "initial", self.initial, f"is more than max_children={self.max_children}")
        elif self.max_children is not None or self.initial:
            raise refuse(self.id, "max_children", self.max_children, "and initial are for dynamic supervisors only")

    @property
    def is_supervisor(self) -> bool:
        return True

    @property
    def shutdown(self) -> Shutdown:
        return Shutdown.INFINITY

    @property
    def stop_s(self) -> float:
        """How long the stop of all children may take, one after the other. Instances stop side by side."""
        return sum(child.stop_s for child in self.children)

    @property
    def watched_s(self) -> float | None:
        """Its own ``heartbeat_s``, or the one that follows from its children's; None when nobody below has one."""
        if self.heartbeat_s is not None:
            return self.heartbeat_s
        below = [child.watched_s for child in self.children if child.watched_s is not None]
        return max(SUPERVISOR_HEARTBEAT_S, min(below)) if below else None


Spec: TypeAlias = ChildSpec | SupervisorSpec

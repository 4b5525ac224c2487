"""What a supervisor knows of its children, as one frozen value: the state that ``strategy.decide`` reads and returns.

Rules for this file: no decision stands here, only the value, its look-ups and how one row is exchanged for another.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from supervisors.errors import ExitReason, SupervisorError
from supervisors.specs import Spec

ENDED_MAX = 1000


class Life(StrEnum):
    """A child's state. STARTING, RUNNING and STOPPING have a process; RESTARTING will get one; STOPPED is kept."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    RESTARTING = "restarting"
    STOPPED = "stopped"


class Then(StrEnum):
    """What follows when a child that is being stopped has ended."""

    RESTART = "restart"
    KEEP = "keep"
    FORGET = "forget"


class Phase(StrEnum):
    """The supervisor's own life: bringing up its first children, serving, or ending with all of them."""

    BEGINNING = "beginning"
    SERVING = "serving"
    ENDING = "ending"


class Row(Struct, frozen=True):
    """One child. ``generation`` is the number of its process among all that its supervisor ever started, 0 before the
    first: no later process has it, not even one of the same id. ``start_at`` is monotonic seconds.

    ``in_group`` rows start one after another, in order; the others each on their own. ``must_stop`` rows wait for
    their turn to be stopped. ``calls`` are the requests to answer when the child has started, ``stop_calls`` when it
    has stopped. ``has_failed``: the last attempt to restart it came to nothing. ``is_new``: the start that is due or
    under way is a first one or was asked for, and is not tried again when it fails. ``is_known``: the row stays when
    such a start fails.
    """

    spec: Spec
    life: Life
    generation: int = 0
    pid: int | None = None
    info: Any = None
    restarts: int = 0
    tries: int = 0
    start_at: float = 0.0
    started_at: float | None = None
    in_group: bool = False
    must_stop: bool = False
    then: Then = Then.KEEP
    calls: tuple[str, ...] = ()
    stop_calls: tuple[str, ...] = ()
    last_exit: ExitReason | None = None
    is_instance: bool = False
    has_failed: bool = False
    is_new: bool = False
    is_known: bool = False

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def has_process(self) -> bool:
        return self.life in (Life.STARTING, Life.RUNNING, Life.STOPPING)

    @property
    def shown_life(self) -> str:
        """The state as people see it: a child on its way back is restarting, one on its first way is starting."""
        if self.life in (Life.RESTARTING, Life.STARTING):
            return str(Life.RESTARTING if self.is_in_restart_loop else Life.STARTING)
        return str(self.life)

    @property
    def is_in_restart_loop(self) -> bool:
        """Whether it is being brought back: waiting for its next start, or in the middle of it."""
        return not self.is_new and self.life in (Life.RESTARTING, Life.STARTING)


class Family(Struct, frozen=True):
    """All children in start order, with the moments of the restarts that still count against the limit.

    ``ended_instances`` are the last ``ENDED_MAX`` instances that are listed no more, so that their end can be told from
    an id that never was. ``done``: why it shuts itself down as soon as all its first children are up.
    """

    rows: tuple[Row, ...] = ()
    phase: Phase = Phase.BEGINNING
    history: tuple[float, ...] = ()
    last_word: ExitReason | None = None
    failure: SupervisorError | None = None
    done: ExitReason | None = None
    spawned: int = 0
    ended_instances: tuple[str, ...] = ()

    def find(self, child_id: str) -> Row | None:
        return next((row for row in self.rows if row.id == child_id), None)

    def put(self, row: Row) -> Family:
        """With ``row`` in the place of the one of the same id, or appended."""
        if self.find(row.id) is None:
            return replace(self, rows=(*self.rows, row))
        return replace(self, rows=tuple(row if old.id == row.id else old for old in self.rows))

    def without(self, child_id: str) -> Family:
        return replace(self, rows=tuple(row for row in self.rows if row.id != child_id))

    def forget(self, row: Row) -> Family:
        """Without ``row``, whose end is remembered when it was an instance."""
        ended = (*self.ended_instances, row.id)[-ENDED_MAX:] if row.is_instance else self.ended_instances
        return replace(self.without(row.id), ended_instances=ended)

    def map(self, change: Callable[[Row], Row]) -> Family:
        return replace(self, rows=tuple(change(row) for row in self.rows))

"""The closed sets of events that a supervisor decides about, and of actions it may decide on."""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct

from supervisors.errors import ExitReason, SupervisorError
from supervisors.family import Family
from supervisors.specs import Spec, SupervisorSpec

SHUTDOWN = ExitReason("shutdown")

# ---- events ----------------------------------------------------------------------------------------------------------


class Begin(Struct, frozen=True):
    """The supervisor's own start: bring up the static children, in order."""


class Started(Struct, frozen=True):
    child: str
    generation: int
    pid: int
    info: Any = None


class Ignored(Struct, frozen=True):
    """The child answered IGNORE: its process is gone or going, and that is no failure."""

    child: str
    generation: int


class Ended(Struct, frozen=True):
    """``worked``: the process had done something besides starting. ``fraction``, from 0 to 1, is the chance that the
    wait before a restart takes."""

    child: str
    generation: int
    reason: ExitReason
    worked: bool = False
    fraction: float = 1.0


class StartChild(Struct, frozen=True):
    call: str
    spec: Spec


class TerminateChild(Struct, frozen=True):
    call: str
    child: str


class RestartChild(Struct, frozen=True):
    call: str
    child: str


class DeleteChild(Struct, frozen=True):
    call: str
    child: str


class ChangeSpec(Struct, frozen=True):
    """What the supervisor is to be from now on; None: what it is already."""

    call: str
    spec: SupervisorSpec | None


class StopAll(Struct, frozen=True):
    """The supervisor was asked to stop."""

    reason: ExitReason = SHUTDOWN


class Tick(Struct, frozen=True):
    """Time has passed; a restart may be due."""


Event: TypeAlias = (
    Begin
    | Started
    | Ignored
    | Ended
    | StartChild
    | TerminateChild
    | RestartChild
    | DeleteChild
    | ChangeSpec
    | StopAll
    | Tick
)

# ---- actions ---------------------------------------------------------------------------------------------------------


class Become(Struct, frozen=True):
    family: Family


class Adopt(Struct, frozen=True):
    """From the next event on, this is the supervisor's spec."""

    spec: SupervisorSpec


class Spawn(Struct, frozen=True):
    child: str
    generation: int


class StopProcess(Struct, frozen=True):
    child: str
    generation: int


class Reply(Struct, frozen=True):
    """Answer a request: ``error``, or the row of ``child`` as it stands now."""

    call: str
    child: str = ""
    error: SupervisorError | None = None


class WakeAt(Struct, frozen=True):
    at: float


class Ready(Struct, frozen=True):
    """All first children run: the supervisor itself has started."""


class End(Struct, frozen=True):
    """Every child is gone; end with this reason. ``failure`` is set when a first start failed."""

    reason: ExitReason
    failure: SupervisorError | None = None


Action: TypeAlias = Become | Adopt | Spawn | StopProcess | Reply | WakeAt | Ready | End

"""The closed sets of events that a supervisor decides about, and of actions it may decide on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from supervisors.errors import ExitReason, SupervisorError
from supervisors.family import Family
from supervisors.specs import Spec, SupervisorSpec

SHUTDOWN = ExitReason("shutdown")

# ---- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begin:
    """The supervisor's own start: bring up the static children, in order."""


@dataclass(frozen=True, slots=True)
class Started:
    child: str
    generation: int
    pid: int
    info: Any = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """The child answered IGNORE: its process is gone or going, and that is no failure."""

    child: str
    generation: int


@dataclass(frozen=True, slots=True)
class Ended:
    """``worked``: the process had done something besides starting. ``fraction``, from 0 to 1, is the chance that the
    wait before a restart takes."""

    child: str
    generation: int
    reason: ExitReason
    worked: bool = False
    fraction: float = 1.0


@dataclass(frozen=True, slots=True)
class StartChild:
    call: str
    spec: Spec


@dataclass(frozen=True, slots=True)
class TerminateChild:
    call: str
    child: str


@dataclass(frozen=True, slots=True)
class RestartChild:
    call: str
    child: str


@dataclass(frozen=True, slots=True)
class DeleteChild:
    call: str
    child: str


@dataclass(frozen=True, slots=True)
class ChangeSpec:
    """What the supervisor is to be from now on; None: what it is already."""

    call: str
    spec: SupervisorSpec | None


@dataclass(frozen=True, slots=True)
class StopAll:
    """The supervisor was asked to stop."""

    reason: ExitReason = SHUTDOWN


@dataclass(frozen=True, slots=True)
class Tick:
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


@dataclass(frozen=True, slots=True)
class Become:
    family: Family


@dataclass(frozen=True, slots=True)
class Adopt:
    """From the next event on, this is the supervisor's spec."""

    spec: SupervisorSpec


@dataclass(frozen=True, slots=True)
class Spawn:
    child: str
    generation: int


@dataclass(frozen=True, slots=True)
class StopProcess:
    child: str
    generation: int


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer a request: ``error``, or the row of ``child`` as it stands now."""

    call: str
    child: str = ""
    error: SupervisorError | None = None


@dataclass(frozen=True, slots=True)
class WakeAt:
    at: float


@dataclass(frozen=True, slots=True)
class Ready:
    """All first children run: the supervisor itself has started."""


@dataclass(frozen=True, slots=True)
class End:
    """Every child is gone; end with this reason. ``failure`` is set when a first start failed."""

    reason: ExitReason
    failure: SupervisorError | None = None


Action: TypeAlias = Become | Adopt | Spawn | StopProcess | Reply | WakeAt | Ready | End

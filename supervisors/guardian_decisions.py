"""The closed sets of what a guardian sees and does, and what it knows. Moments are monotonic seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeAlias

from supervisors.errors import ExitReason
from supervisors.guardian_policy import Revivals
from supervisors.guardian_sight import Pulse, Suspect
from supervisors.guardian_table import Phase

# ---- what it sees ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begun:
    """The guardian holds its state directory, and nothing runs yet."""


@dataclass(frozen=True, slots=True)
class CameUp:
    pids: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Said:
    """The system's last word: ended, start_failed or unfit, and why."""

    kind: str
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class Wordless:
    """The launcher has looked: the root that is gone has left no last word."""


@dataclass(frozen=True, slots=True)
class Died:
    """Some of launcher, root, admin and logger have ended; each is told once."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Looked:
    """Who is seen stopped, with the turns it was given so far; who has answered since the last look."""

    stopped: Mapping[str, int | None]
    answered: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StopAsked:
    """One for each SIGTERM or SIGINT."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """SIGHUP."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The configuration was read: whether it has changed, or what is wrong with it; how long a stop may take now."""

    changed: bool
    trouble: str
    stop_limit_s: float


@dataclass(frozen=True, slots=True)
class HostEnded:
    """The program that the system belongs to."""


@dataclass(frozen=True, slots=True)
class PlaceLost:
    """The state directory is no longer the one it holds."""


@dataclass(frozen=True, slots=True)
class Swept:
    """No process of the system is left."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Event: TypeAlias = (
    Begun
    | CameUp
    | Said
    | Wordless
    | Died
    | Looked
    | StopAsked
    | HungUp
    | Reloaded
    | HostEnded
    | PlaceLost
    | Swept
    | Tick
)

# ---- what it does ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Launch:
    """Start a launcher now, whose system starts at ``not_before``."""

    not_before: float


@dataclass(frozen=True, slots=True)
class AskToStop:
    """In good order."""


@dataclass(frozen=True, slots=True)
class AskForLife:
    """Launcher, root and admin."""


@dataclass(frozen=True, slots=True)
class AskForLastWord:
    """The launcher: Said or Wordless follows."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Kill and reap everything below; Swept follows."""


@dataclass(frozen=True, slots=True)
class Reload:
    """Read the configuration again; Reloaded follows."""


@dataclass(frozen=True, slots=True)
class Say:
    """To the owner: up (pids), down (reason), ended, start_failed or unfit (reason), reload_failed (why), alarm (what
    stands still, graded P0), calm (the alarm is over)."""

    kind: str
    detail: Any


@dataclass(frozen=True, slots=True)
class Notify:
    """To the service manager: ready, healing, alive, reloaded or stopping."""

    what: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Exit:
    code: int


Action: TypeAlias = Launch | AskToStop | AskForLife | AskForLastWord | Sweep | Reload | Say | Notify | Exit

# ---- what it knows ---------------------------------------------------------------------------------------------------


class Aim(IntEnum):
    """What follows when the system is gone. A greater one is never given up for a smaller one."""

    JUDGE = 0
    RENEW = 1
    ABANDON = 2
    STOP = 3


@dataclass(frozen=True, slots=True)
class Guard:
    """All that a guardian knows. ``until``: when the phase has taken as long as it may. ``why``: of the end of the
    system that is ending or has ended last. ``up_at``: since when this system is up; ``was_up``: whether any was."""

    never_give_up: bool
    stop_limit_s: float
    watchdog_s: float | None = None
    not_before: float = 0.0
    phase: Phase = Phase.RESTING
    aim: Aim = Aim.JUDGE
    until: float | None = None
    why: str = ""
    word: Said | None = None
    up_at: float | None = None
    was_up: bool = False
    revivals: Revivals = field(default_factory=Revivals)
    is_alarmed: bool = False
    suspects: Mapping[str, Suspect] = field(default_factory=dict)
    pulse: Pulse = field(default_factory=Pulse)

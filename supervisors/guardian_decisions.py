"""The closed sets of what a guardian sees and does, and what it knows. Moments are monotonic seconds."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, TypeAlias

from msgspec import Struct, field

from supervisors.errors import ExitReason
from supervisors.guardian_policy import Revivals
from supervisors.guardian_sight import Pulse, Suspect
from supervisors.guardian_table import Phase

# ---- what it sees ----------------------------------------------------------------------------------------------------


class Begun(Struct, frozen=True):
    """The guardian holds its state directory, and nothing runs yet."""


class CameUp(Struct, frozen=True):
    pids: Mapping[str, int]


class Allowed(Struct, frozen=True):
    """By their specs the children of the system have ``stop_s`` more seconds to stop (infinity: for ever)."""

    stop_s: float


class Said(Struct, frozen=True):
    """The system's last word: ended, start_failed or unfit, and why."""

    kind: str
    reason: ExitReason


class Wordless(Struct, frozen=True):
    """The launcher has looked: the root that is gone has left no last word."""


class Died(Struct, frozen=True):
    """Some of launcher, root, admin and logger have ended; each is told once."""

    names: frozenset[str]


class Looked(Struct, frozen=True):
    """Who is seen stopped, with the turns it was given so far; who has answered since the last look."""

    stopped: Mapping[str, int | None]
    answered: frozenset[str] = frozenset()


class StopAsked(Struct, frozen=True):
    """One for each SIGTERM or SIGINT."""


class HungUp(Struct, frozen=True):
    """SIGHUP."""


class Reloaded(Struct, frozen=True):
    """The configuration was read: whether it has changed, or what is wrong with it; how long a stop may take now."""

    changed: bool
    trouble: str
    stop_limit_s: float


class HostEnded(Struct, frozen=True):
    """The program that the system belongs to."""


class PlaceLost(Struct, frozen=True):
    """The state directory is no longer the one it holds."""


class Swept(Struct, frozen=True):
    """No process of the system is left."""


class HeldUp(Struct, frozen=True):
    """Between two looks the guardian itself did not run, for so much longer than it meant to wait."""

    by_s: float


class Tick(Struct, frozen=True):
    """Time has passed."""


Event: TypeAlias = (
    Begun
    | CameUp
    | Allowed
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
    | HeldUp
    | Tick
)

# ---- what it does ----------------------------------------------------------------------------------------------------


class Launch(Struct, frozen=True):
    """Start a launcher now, whose system starts at ``not_before``."""

    not_before: float


class AskToStop(Struct, frozen=True):
    """In good order."""


class AskForLife(Struct, frozen=True):
    """Launcher, root and admin."""


class AskForLastWord(Struct, frozen=True):
    """The launcher: Said or Wordless follows."""


class Sweep(Struct, frozen=True):
    """Kill and reap everything below; Swept follows."""


class Reload(Struct, frozen=True):
    """Read the configuration again; Reloaded follows."""


NEVER_UP = ("start_failed", "unfit", "conflict")
"""What is said when no system came up."""


class Say(Struct, frozen=True):
    """To the owner: up (pids), down (reason), ended, start_failed or unfit (reason), reload_failed (why), alarm (what
    stands still, graded P0), calm (the alarm is over)."""

    kind: str
    detail: Any


class Notify(Struct, frozen=True):
    """To the service manager: ready, healing, alive, reloaded or stopping."""

    what: str
    text: str = ""


class Exit(Struct, frozen=True):
    code: int


Action: TypeAlias = Launch | AskToStop | AskForLife | AskForLastWord | Sweep | Reload | Say | Notify | Exit

# ---- what it knows ---------------------------------------------------------------------------------------------------


class Aim(IntEnum):
    """What follows when the system is gone. A greater one is never given up for a smaller one."""

    JUDGE = 0
    RENEW = 1
    ABANDON = 2
    STOP = 3


class Guard(Struct, frozen=True):
    """All that a guardian knows. ``until``: when the phase has taken as long as it may. ``why``: of the end of the
    system that is ending or has ended last. ``up_at``: since when this system is up; ``was_up``: whether any was.
    ``allowed_s``: for how long the children of this system may stop by their specs, besides ``stop_limit_s``.
    ``waking_until``: until then nobody is suspected, for this process was just continued itself."""

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
    allowed_s: float = 0.0
    was_up: bool = False
    revivals: Revivals = field(default_factory=Revivals)
    is_alarmed: bool = False
    suspects: Mapping[str, Suspect] = field(default_factory=dict)
    waking_until: float = 0.0
    pulse: Pulse = field(default_factory=Pulse)

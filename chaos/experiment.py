"""What a campaign is: which kinds of process are killed at which stages of the work, in which order. Pure.

| stage | open from | until |
|---|---|---|
| analysing | analysis_started | plan_recorded |
| dispatching | attempt_leased | attempt_started |
| running | attempt_started | attempt_ended |
| integrating | integration_started | task_done, or the attempt's conflict or failure |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

from msgspec import Struct
from msgspec.structs import replace

WORK_KINDS = ("worker", "scheduler", "analyzer", "gitops")
SYSTEM_KINDS = ("supervisor", "root", "admin", "logger", "launcher", "guardian", "tree", "run")
COMMAND_KINDS = ("nursery", "minder")
KINDS = (*WORK_KINDS, *SYSTEM_KINDS, *COMMAND_KINDS)
STAGES = ("analysing", "dispatching", "running", "integrating")

PER_PAIR_MAX = 1000
DELAY_MAX_S: Mapping[str, float] = {"analysing": 0.0, "dispatching": 0.01, "running": 0.5, "integrating": 0.03}
# Stages in which the process need not exist at all: no command is being minded yet, or any more.
ABSENT: Mapping[str, frozenset[str]] = {
    "minder": frozenset({"analysing", "dispatching", "integrating"}),
    "nursery": frozenset({"analysing"}),
}


class Kill(Struct, frozen=True):
    """One SIGKILL: of which kind of process, at which stage, and how long (seconds) after the stage opened."""

    kind: str
    stage: str
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no kind of process; known: {', '.join(KINDS)}")
        if self.stage not in STAGES:
            raise ValueError(f"{self.stage!r} is no stage; known: {', '.join(STAGES)}")
        if self.delay_s < 0:
            raise ValueError(f"delay_s is {self.delay_s:g}; it must not be negative")

    def __str__(self) -> str:
        return f"{self.kind} while {self.stage}"

    @property
    def is_possible(self) -> bool:
        """Whether a process of that kind is sure to exist at that stage."""
        return self.stage not in ABSENT.get(self.kind, ())

    def sooner(self) -> Kill:
        """The same, for another try after the stage was over too early."""
        return replace(self, delay_s=self.delay_s / 2)


def plan_kills(seed: int, kinds: Iterable[str], stages: Iterable[str], per_pair: int = 1) -> list[Kill]:
    """The schedule of ``seed``: every possible pair ``per_pair`` times, in the order and with the delays of that seed.

    The same arguments give the same list on every machine. Impossible pairs are left out. Raises ``ValueError``.
    """
    if not 1 <= per_pair <= PER_PAIR_MAX:
        raise ValueError(f"per_pair is {per_pair}; it must be 1 to {PER_PAIR_MAX}")
    chance = Random(seed)
    wanted = list(stages)
    pairs = [Kill(kind, stage) for kind in kinds for stage in wanted]
    kills = [kill for kill in pairs if kill.is_possible for _ in range(per_pair)]
    chance.shuffle(kills)
    return [replace(kill, delay_s=round(chance.uniform(0, DELAY_MAX_S[kill.stage]), 4)) for kill in kills]

"""Which stages of the work are open right now, folded from the journal. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from chaos.journal import Event

_ENDS = frozenset({"attempt_ended", "attempt_lost", "attempt_released", "task_cancelled"})
OPENS: Mapping[str, str] = {
    "analysis_started": "analysing",
    "attempt_leased": "dispatching",
    "attempt_started": "running",
    "integration_started": "integrating",
}
CLOSES: Mapping[str, frozenset[str]] = {
    "analysing": frozenset({"plan_recorded", "requirement_rejected", "requirement_failed", "requirement_cancelled"}),
    "dispatching": _ENDS | {"attempt_started"},
    "running": _ENDS | {"task_done"},
    "integrating": _ENDS | {"attempt_conflicted", "task_done"},
}
FINAL = frozenset({"requirement_done", "requirement_failed", "requirement_cancelled", "requirement_rejected"})

PROGRESS = frozenset({"attempt_started", "task_done", "task_failed", "task_cancelled"})

Key = tuple[str, str, str | None, int | None]


class Opening(Struct, frozen=True):
    """A stage that opened: of what, when (wall seconds), and which processes are known to be part of it."""

    stage: str
    requirement: str
    task: str | None
    attempt: int | None
    at: float
    worker: str | None = None
    minder_pid: int | None = None

    @property
    def key(self) -> Key:
        return (self.stage, self.requirement, self.task, self.attempt)


class Stages:
    """``take`` every event once, in order."""

    def __init__(self) -> None:
        self.open: dict[Key, Opening] = {}
        self.ended: dict[str, str] = {}
        self.progress: dict[tuple[str, str | None], int] = {}
        self._taken = 0
        self._workers: dict[tuple[str, str | None, int | None], str] = {}

    def take(self, event: Event) -> None:
        kind, data = event["type"], event.get("data") or {}
        self._taken += 1
        about = (event["requirement"], event["task"], event["attempt"])
        for stage, closing in CLOSES.items():
            if kind in closing:
                self.open.pop((stage, *about), None)
        if kind in FINAL:
            self.ended[about[0]] = kind
        if kind in PROGRESS:
            self.progress[about[:2]] = self._taken
        if kind == "attempt_leased":
            self._workers[about] = data.get("worker", "")
        stage = OPENS.get(kind, "")
        if stage:
            worker, minder_pid = self._workers.get(about), data.get("minder_pid")
            opening = Opening(stage, *about, event["at"], worker, minder_pid)
            self.open[opening.key] = opening

    def newest(self, stage: str, requirement: str) -> Opening | None:
        """The opening of ``stage`` that is still open and came last."""
        found = [each for each in self.open.values() if each.stage == stage and each.requirement == requirement]
        return max(found, key=lambda opening: opening.at, default=None)

    def progress_of(self, opening: Opening) -> int:
        """Grows whenever the task of ``opening`` has started again or has ended."""
        return self.progress.get((opening.requirement, opening.task), 0)


def closed_at(opening: Opening, events: list[Event]) -> float | None:
    """When the journal says that stage was over (wall seconds), None while it is not.

    Told by attempt and moment, not by ``seq``: after a crash the runtime may have numbered the opening anew.
    """
    about, has_opened = opening.key[1:], False
    for event in events:
        if (event["requirement"], event["task"], event["attempt"]) != about:
            continue
        if OPENS.get(event["type"]) == opening.stage and event["at"] == opening.at:
            has_opened = True
        elif has_opened and event["type"] in CLOSES[opening.stage]:
            return float(event["at"])
    return None

"""The lanes of one requirement: who holds which, so that no two tasks of one lane overlap."""

from __future__ import annotations

from aidos_actors.core.board.in_plan import InPlan
from aidos_actors.core.board.ready import TURNS, Lanes, lane_of, turns_of
from aidos_actors.core.board.shelves import Shelves
from aidos_actors.core.records import AttemptRecord, TaskRecord
from aidos_actors.core.requirement import Mode
from aidos_actors.core.states import ATTEMPT_OPEN, OFFERED_SOON


class Laned(InPlan):
    """What an ``OpenRequirement`` does about lanes, in its own indexes."""

    attempts: dict[tuple[str, int], AttemptRecord]
    _mode: Mode
    _has_lanes: bool
    _holders: dict[str, int]
    _taking_turns: set[tuple[str, int]]
    _ready: Shelves
    _ready_alone: Lanes

    def lane_holders(self, task: str) -> list[str]:
        """The siblings under way because of which ``task`` may not start."""
        if (lane := self._lane_of(task)) is None:
            turns = turns_of(lane, self.tasks[task].conflicts) == TURNS
            return sorted(name for name, _ in self._taking_turns if turns and name != task)
        under_way = {each.task for each in self.attempts.values() if occupies_lane(each)}
        return sorted(name for name in under_way - {task} if self._lane_of(name) == lane)

    def turn_keepers(self, task: str) -> list[TaskRecord]:
        """The siblings because of which ``task`` may not start although they are not under way: the requirement is
        serial, and theirs is the turn until their next try is due."""
        return [each for each in self.in_states(*OFFERED_SOON) if self._waits_in_lane(each) and each.id != task]

    def _lane_of(self, task: str) -> str | None:
        return lane_of(self._mode, self.definitions[task].group) if self._has_lanes else None

    def _occupy(self, attempt: tuple[str, int], change: int) -> None:
        """The attempt holds its lane, or that of those who take turns, until it is over: then the same one is free."""
        task = self.tasks.get(attempt[0])  # an attempt is loaded before its task
        if change > 0 and task is not None and turns_of(self._lane_of(task.id), task.conflicts) == TURNS:
            self._taking_turns.add(attempt)
        lane = TURNS if attempt in self._taking_turns else self._lane_of(attempt[0])
        if change < 0:
            self._taking_turns.discard(attempt)
        self._hold(lane, change)

    def _hold(self, lane: str | None, change: int) -> None:
        if lane is None or not change:
            return
        before = self._holders.get(lane, 0)
        self._holders[lane] = before + change
        if before == 0:
            self._ready.hold(lane)
            self._ready_alone.hold(lane)
        elif before + change == 0:
            del self._holders[lane]
            self._ready.free(lane)
            self._ready_alone.free(lane)

    def _neighbourhood(self, task: str) -> tuple[str, str]:
        lane = self._lane_of(task)
        return ("task", task) if lane is None else ("lane", lane)

    def _waits_in_lane(self, task: TaskRecord | None) -> bool:
        """In a serial requirement a task that waits for its retry keeps its turn; a group may go on meanwhile."""
        waits = task is not None and task.not_before_at is not None and task.paused_at is None
        return waits and self._mode is Mode.SERIAL


def occupies_lane(attempt: AttemptRecord | None) -> bool:
    return attempt is not None and (attempt.ended_at is None or attempt.state in ATTEMPT_OPEN)

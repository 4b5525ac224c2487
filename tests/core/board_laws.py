"""What must hold in every world at every write: the laws a board may never break."""

from __future__ import annotations

from collections import Counter

from board_doers import SLOTS, Truth
from board_ledger import Ledger

from aidos_actors.core.orders import AttemptKey, Step
from aidos_actors.core.requirement import Mode, Requirement, Task
from aidos_actors.core.states import ATTEMPT_OPEN, REQUIREMENT_FINAL, TASK_FINAL, RequirementState, TaskState


class Laws:
    """Judges the rows in ``ledger`` and the ``truth`` by what the requirements say."""

    def __init__(self, models: list[Requirement], ledger: Ledger, truth: Truth, worktrees_max: int) -> None:
        self.models = {model.id: model for model in models}
        self.tasks = {(model.id, task.id): task for model in models for task in model.tasks}
        self.ledger, self.truth, self.worktrees_max = ledger, truth, worktrees_max

    def write(self, step: Step) -> None:
        """The step is in the ledger, and every law holds."""
        before = {key: task.state for key, task in self.ledger.tasks.items()}
        known = set(self.ledger.attempts)
        self.ledger.write(step)
        for event in step.batch.events:
            if event.type == "requirement_replanned":
                self._replanned(event.requirement or "", before)
        leased = [attempt for key, attempt in self.ledger.attempts.items() if key not in known]
        retried = {(each.requirement, each.task) for each in step.batch.events if each.type == "task_retried"}
        condemned = {(each.requirement, each.task) for each in step.batch.events if each.type == "task_condemned"}
        for key, state in before.items():
            may_go = state is TaskState.REMOVED or key in (condemned if state is TaskState.DONE else retried)
            stays = state in TASK_FINAL and not may_go
            assert not stays or self.ledger.tasks[key].state is state, f"{key} left {state}"
        for attempt in leased:
            key = (attempt.requirement, attempt.task)
            assert before[key] not in TASK_FINAL, f"{key} was {before[key]} and got another attempt"
            assert self.ledger.tasks[key].paused_at is None, f"{key} is paused and got another attempt"
            state = self.ledger.requirements[attempt.requirement].state
            assert state is RequirementState.RUNNING, f"{key} got an attempt while its requirement is {state}"
            for need in self.tasks[key].needs:
                assert self.ledger.tasks[key[0], need].state is TaskState.DONE, f"{key} leased before {need} was done"
        self._check_counts()
        self._check_overlap()

    def _replanned(self, name: str, before: dict[tuple[str, str], TaskState]) -> None:
        """There is another plan; what was done in the one before is in it, and as it was."""
        model = Requirement.model_validate_json(self.ledger.requirements[name].document)
        known, now = self.models[name], {task.id: task for task in model.tasks}
        rows = self.ledger.attempts.values()
        under_way = {(row.requirement, row.task) for row in rows if row.ended_at is None or row.state in ATTEMPT_OPEN}
        for task in known.tasks:
            if before[name, task.id] is TaskState.DONE or (name, task.id) in under_way:
                assert now[task.id] == task, f"{task.id} was done or under way, and is another"
        assert known.model_copy(update={"tasks": model.tasks}) == model, "more than the tasks has changed"
        self.models[name] = model
        self.tasks.update({(name, task.id): task for task in model.tasks})

    def command_starts(self, key: AttemptKey) -> None:
        """A command is about to run: none of its task or lane may live, and its task may not be done."""
        lane = self._lane(key.requirement, key.task)
        alive = {other for other in self.truth.minders.values() if other != key and other in self.truth.went}
        beside = [other for other in alive if self._lane(other.requirement, other.task) == lane]
        assert not beside, f"{key} runs beside {beside}"
        assert self.ledger.tasks[key.requirement, key.task].state is not TaskState.DONE, f"{key} runs after it was done"
        self.truth.went.add(key)
        attempt = self.ledger.attempts.get(key)
        if attempt is not None and attempt.agent is not None and attempt.worktree is not None:
            assert attempt.worktree not in self.truth.working.values(), f"{key} works where another does"
            is_there = attempt.worktree in self.truth.folders
            assert is_there or attempt.state not in ATTEMPT_OPEN, f"the folder of {key} is gone"
            self.truth.went_in[key] = attempt.worktree

    def _check_counts(self) -> None:
        rows = self.ledger
        for key, task in rows.tasks.items():
            assert task.own_failures <= self.tasks[key].retries + 1
        counted = {"task_done": 1, "task_condemned": -1, "task_kept": 1}
        done: Counter[tuple[str | None, str | None]] = Counter()
        for event in rows.events:
            done[event.requirement, event.task] += counted.get(event.type, 0)
        assert +done == Counter(key for key, task in rows.tasks.items() if task.state is TaskState.DONE)
        holding = [attempt for attempt in rows.attempts.values() if attempt.worktree is not None]
        kept = Counter(attempt.requirement for attempt in holding)
        # A batch that is lost leaves a folder to look for behind each of its callables, all at once.
        full = Counter(each.requirement for each in holding if self.tasks[each.requirement, each.task].call is None)
        assert max(full.values(), default=0) <= self.worktrees_max
        ended = {name for name, each in rows.requirements.items() if each.state in REQUIREMENT_FINAL}
        assert not ended & set(kept), "a requirement ended before its worktrees were gone"
        self._check_published(ended)

    def _check_published(self, ended: set[str]) -> None:
        """What is on a target, or may come onto it, when its task or its requirement has ended is told to be there."""
        for key in self.truth.commits.values():
            task = self.ledger.tasks[key.requirement, key.task]
            is_told = task.state is TaskState.DONE and task.commit == f"commit-{key}"
            has_ended = key.requirement in ended or task.state in TASK_FINAL - {TaskState.DONE}
            assert not has_ended or is_told, f"commit-{key} is published, and its task {task.state}"

    def _check_overlap(self) -> None:
        busy = [a for a in self.ledger.attempts.values() if a.state in ATTEMPT_OPEN or a.ended_at is None]
        of_task = Counter((a.requirement, a.task) for a in busy if a.state in ATTEMPT_OPEN)
        assert max(of_task.values(), default=0) <= 1, f"two open attempts of a task: {of_task}"
        lanes = Counter(self._lane(a.requirement, a.task) for a in busy)
        assert max(lanes.values(), default=0) <= 1, f"overlap in a lane: {lanes}"
        # What is cancelled and had no minder still has to be reported, but nothing of it begins any more.
        held = [a for a in busy if a.ended_at is None and (a.state in ATTEMPT_OPEN or a.minder_pid is not None)]
        by_turns = {self.ledger.batch_of(a): a for a in held}.values()  # members of a batch go one after the other
        by_worker = Counter((a.worker, a.worker_generation) for a in by_turns)
        assert max(by_worker.values(), default=0) <= SLOTS
        for name, count in Counter(a.requirement for a in by_turns).items():
            assert count <= (self.models[name].workers or count), f"{name}: {count} tasks at once"

    def _lane(self, requirement: str, task: str) -> tuple[str, ...]:
        mode, definition = self.models[requirement].mode, self.tasks[requirement, task]
        if mode is Mode.SERIAL:
            return (requirement,)
        return (requirement, "group", _group(mode, definition)) if _group(mode, definition) else (requirement, task, "")


def _group(mode: Mode, task: Task) -> str:
    return "" if mode is Mode.PARALLEL or task.group is None else task.group

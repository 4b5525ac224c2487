"""What of the board is about whole requirements: they come, are planned, get another document, are steered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from aidos_actors.core.analysis import Planned
from aidos_actors.core.board import lifecycle, replanning, revision, steering
from aidos_actors.core.board.books import Books
from aidos_actors.core.board.explain import Reason, explain
from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.board.owed import owed_about_analysis
from aidos_actors.core.errors import NotFound, TryAgain
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.kept_text import kept
from aidos_actors.core.orders import Step
from aidos_actors.core.records import AttemptRecord, RequirementRecord, TaskRecord
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.states import REQUIREMENT_FINAL, TaskState
from aidos_actors.core.views import progress_view

NAMED_MAX = 6

EndedRows = tuple[RequirementRecord, Sequence[TaskRecord], Sequence[AttemptRecord]]


class RequirementVerbs:
    """A part of ``Board``, which carries out each change as one step."""

    _books: Books

    def _step(self, now: float, change: Callable[..., None], *args: Any) -> Step:
        raise NotImplementedError

    def _about(self, name: str, now: float, change: Callable[..., None], *args: Any) -> Step:
        opened = self._books.open.get(name)
        return Step() if opened is None else self._step(now, change, opened, *args)

    def submit(
        self,
        requirement: Requirement,
        *,
        base_commit: str | None,
        document: str,
        position: int,
        known: RequirementRecord | None,
        now: float,
    ) -> Step:
        """It waits; ``dispatch`` gives it to the analyzer. The same content again is an empty step. Raises ``Conflict``
        for other content under the id of ``known`` (its row in the ledger), ``BadInput`` when it cannot be ordered."""
        return self._step(now, lifecycle.submit, requirement, base_commit, document, position, known)

    def revise(
        self,
        requirement: Requirement,
        *,
        base_commit: str | None,
        document: str,
        known: RequirementRecord,
        tasks: Sequence[TaskRecord],
        now: float,
    ) -> Step:
        """The requirement of row ``known`` gets this document; ``tasks`` are all its rows, removed ones too. The same
        content is an empty step. Raises ``Conflict`` while something of it is under way, ``BadInput``."""
        if known.sha256 == requirement.content_sha256():
            return Step()
        return self._step(now, revision.revise, requirement, base_commit, document, known, tasks)

    def analysed(self, requirement: str, now: float, found: Planned | None = None) -> Step:
        """The document is the plan, or these tasks were ``found`` for it: they are on record. A repetition is an empty
        step, and so is what was found for another document."""
        return self._about(requirement, now, lifecycle.record_plan, found)

    def replanned(
        self, requirement: str, now: float, failed: FailedTask, found: Planned, tasks: Sequence[TaskRecord]
    ) -> Step:
        """These tasks were ``found`` in place of the failed one: it is on record; ``tasks`` are all its rows, removed
        ones too. A repetition is an empty step, and so is an answer to any other question."""
        return self._about(requirement, now, replanning.replace_failed, failed, found, tasks)

    def held_up(self, requirement: str, now: float, error: str, **facts: Any) -> Step:
        """An analyzer gave no tasks, and another is asked, or the same one later: it is said in the journal."""
        return self._about(requirement, now, lifecycle.held_up, {**facts, "error": kept(error)})

    def owed_analysis(self, requirement: str) -> Step:
        """The Analyzer holds it: the analysis, if it is still wanted, or that it is not."""
        order = owed_about_analysis(self._books, requirement)
        return Step() if order is None else Step(orders=(order,))

    def rejected(self, requirement: str, reason: str, now: float, failed: FailedTask | None = None) -> Step:
        """The document is no plan: the requirement has failed. Or nothing is found in place of the ``failed`` task: it
        has."""
        if failed is not None:
            return self._about(requirement, now, replanning.refuse, failed, kept(reason))
        return self._about(requirement, now, lifecycle.reject, kept(reason))

    def steer(self, verb: str, requirement: str, task: str | None, now: float, ended: EndedRows | None = None) -> Step:
        """``verb`` of ``steering`` about the requirement, or one task of it. For a requirement that is not open its
        rows are needed. Raises ``NotFound``, and ``Conflict`` where it is too late."""
        with self._at_hand(requirement, ended) as opened:
            if task is None:
                return self._step(now, steering.OF_REQUIREMENTS[verb], opened)
            return self._step(now, steering.OF_TASKS[verb], opened, _task_of(opened, task))

    def progress(self, requirement: str) -> dict[str, Any] | None:
        """How far it has come, for people who watch; None when it is not open. Costs the same however many tasks."""
        opened = self._books.open.get(requirement)
        if opened is None:
            return None
        active = list(islice(dict.fromkeys(each.task for each in opened.attempts.values()), NAMED_MAX))
        return progress_view(opened.record, opened.done, len(opened.definitions), active, opened.infra_faults)

    def explain(
        self, requirement: str, task: str, now: float, ended: EndedRows | None = None, *, is_live: bool = True
    ) -> list[Reason]:
        """Why the task is not running, or that it is; never empty. At rest (not ``is_live``) by what is on record
        alone. Raises ``NotFound``."""
        with self._at_hand(requirement, ended) as opened:
            is_planned = bool(opened.tasks) or task not in opened.definitions
            row = _task_of(opened, task) if is_planned else TaskRecord(requirement, task, 0, TaskState.WAITING)
            return explain(self._books, opened, row, now, is_live=is_live)

    @contextmanager
    def _at_hand(self, name: str, ended: EndedRows | None) -> Iterator[OpenRequirement]:
        """The requirement in the books; one that has ended only as long as that is needed, or as it is open again."""
        if name not in self._books.open:
            if ended is None:
                raise NotFound(f"no requirement {name!r}", hint="`status` lists what there is")
            record, tasks, attempts = ended
            self._books.load([record], tasks, attempts)
        try:
            yield self._books.open[name]
        finally:
            if name in self._books.open and self._books.open[name].record.state in REQUIREMENT_FINAL:
                self._books.put_requirement(name, None)


def _task_of(opened: OpenRequirement, task: str) -> TaskRecord:
    name = opened.record.id
    if not opened.tasks and task in opened.definitions:
        hint = "`serve` or `run` has it planned; what is said of a task holds from then on"
        raise TryAgain(f"requirement {name!r} is not planned yet", hint=hint)
    if task not in opened.tasks:
        raise NotFound(f"requirement {name!r} has no task {task!r}", hint=f"`tasks {name}` lists them")
    return opened.tasks[task]

"""One step in the making: rows change in the books at once and are collected; ``undo`` takes all of it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from aidos_actors.core.board.batches import OpenBatch, under_way
from aidos_actors.core.board.books import Books, key_of
from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.board.owed import orders_of_its_state, owed_by_attempt
from aidos_actors.core.chained import one_after_another
from aidos_actors.core.orders import AttemptKey, Order, Step
from aidos_actors.core.records import (
    AgentRecord,
    AttemptRecord,
    Batch,
    CallBatch,
    NewEvent,
    RequirementRecord,
    TaskRecord,
)
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.states import ATTEMPT_TRANSITIONS, REQUIREMENT_TRANSITIONS, TASK_TRANSITIONS, next_state


class Draft:
    """Reads ``books``, writes through ``move_*`` and ``save_*``. ``now`` is the moment of the step, wall seconds."""

    def __init__(self, books: Books, now: float) -> None:
        self.books = books
        self.now = now
        self._requirements: dict[str, RequirementRecord] = {}
        self._planned: list[Sequence[TaskRecord]] = []
        self._tasks: dict[tuple[str, str], TaskRecord] = {}
        self._attempts: dict[AttemptKey, AttemptRecord] = {}
        self._owing: dict[AttemptKey, None] = {}
        self._calls: dict[tuple[str, str, int], CallBatch] = {}
        self._accepted: list[TaskRecord] = []
        self._agents: dict[str, AgentRecord] = {}
        self._touched: dict[str, None] = {}
        self._noted: list[Sequence[NewEvent]] = []
        self._events: list[NewEvent] = []  # after these
        self._orders: list[Order] = []
        self._undo: list[Callable[[], object]] = []

    def move_requirement(self, record: RequirementRecord, event: str, **changes: Any) -> RequirementRecord:
        """The record after ``event`` of its table, saved. Raises ``IllegalTransition``."""
        state = next_state(REQUIREMENT_TRANSITIONS, record.state, event)
        saved = self.save_requirement(replace(record, state=state, **changes))
        self._orders.extend(orders_of_its_state(self.books.open[record.id]))
        return saved

    def move_task(self, record: TaskRecord, event: str, **changes: Any) -> TaskRecord:
        """As ``move_requirement``. A moment to wait for holds for one state only: it goes unless given again."""
        state = next_state(TASK_TRANSITIONS, record.state, event)
        return self.save_task(replace(record, **{"state": state, "not_before_at": None, **changes}))

    def move_attempt(self, record: AttemptRecord, event: str, **changes: Any) -> AttemptRecord:
        state = next_state(ATTEMPT_TRANSITIONS, record.state, event)
        return self.save_attempt(replace(record, state=state, **changes))

    def save_requirement(self, new: RequirementRecord, model: Requirement | None = None) -> RequirementRecord:
        opened = self.books.open.get(new.id)
        self._undo.append(partial(self.books.put_requirement, new.id, opened.record if opened else None))
        self.books.put_requirement(new.id, new, model)
        self._requirements[new.id] = new
        self._touched[new.id] = None
        return new

    def moved(self, record: RequirementRecord, event: str) -> RequirementRecord:
        """The record after ``event`` of its table, not saved. Raises ``IllegalTransition``."""
        return replace(record, state=next_state(REQUIREMENT_TRANSITIONS, record.state, event))

    def reopen(self, record: RequirementRecord, model: Requirement) -> OpenRequirement:
        """The requirement is open with this row and document and no task, whatever was known of it."""
        opened = OpenRequirement(record, model, self.books.settings)
        before = self.books.swap(record.id, opened)
        self._undo.append(lambda: self.books.swap(record.id, before))
        self._requirements[record.id] = record
        self._touched[record.id] = None
        self._orders.extend(orders_of_its_state(opened))
        return opened

    def remodel(self, opened: OpenRequirement, model: Requirement) -> None:
        """The open requirement goes on with another plan."""
        self._undo.append(partial(opened.take_model, opened.model))
        opened.take_model(model)

    def remove_task(self, record: TaskRecord) -> TaskRecord:
        """Its requirement names it no more: the row stays, and the books know nothing of it."""
        state = next_state(TASK_TRANSITIONS, record.state, "remove")
        new = replace(record, state=state, not_before_at=None, finished_at=self.now)
        if record.id in self.books.open[record.requirement].tasks:
            self._undo.append(partial(self.books.put_task, (record.requirement, record.id), record))
            self.books.put_task((record.requirement, record.id), None)
        self._tasks[new.requirement, new.id] = new
        return new

    def save_task(self, new: TaskRecord) -> TaskRecord:
        key = (new.requirement, new.id)
        self._undo.append(partial(self.books.put_task, key, self.books.open[new.requirement].tasks.get(new.id)))
        self.books.put_task(key, new)
        self._tasks[key] = new
        self._touched[new.requirement] = None
        return new

    def add_tasks(self, requirement: str, rows: Sequence[TaskRecord]) -> None:
        """The first rows of tasks of the requirement."""
        self._undo.append(partial(self.books.remove_tasks, requirement, rows))
        self.books.add_tasks(requirement, rows)
        self._planned.append(rows)
        self._touched[requirement] = None

    def save_attempt(self, new: AttemptRecord) -> AttemptRecord:
        """The row is on record; a member of a batch stands for itself from here on."""
        key = key_of(new)
        opened = self.books.open[new.requirement]
        batch = opened.batches.of(new.task, new.number)
        if batch is not None:
            self._leave(opened, batch, key)
        self._undo.append(partial(self.books.put_attempt, key, self.books.attempt(key)))
        self.books.put_attempt(key, new)
        self._attempts[key] = new
        self._owing[key] = None
        self._touched[new.requirement] = None
        return new

    def start_calls(self, opened: OpenRequirement, batch: OpenBatch, ready: Sequence[TaskRecord]) -> None:
        """The members, whose rows these were, are under way; the batch is the only row of it."""
        self._undo.append(partial(self.books.unstart_calls, opened, batch, ready))
        self.books.start_calls(opened, batch, under_way(batch.record, ready))
        self._note_batch(batch.record)

    def finish_calls(self, opened: OpenRequirement, done: Sequence[TaskRecord]) -> None:
        """The members, of any batches, are done; batches of which nothing is left are over."""
        by_batch: dict[int, tuple[OpenBatch, list[TaskRecord]]] = {}
        for row in done:
            batch = opened.batches.of(row.id, row.attempts)
            assert batch is not None
            by_batch.setdefault(id(batch), (batch, []))[1].append(row)
        self._accepted.extend(done)
        self._touched[opened.record.id] = None
        for batch, rows in by_batch.values():
            before = [(opened.tasks[row.id], opened.attempts[row.id, row.attempts]) for row in rows]
            self._undo.append(partial(self.books.unfinish_calls, opened, batch, before))
            self.books.finish_calls(opened, batch, rows)
            self._end_batch_if_over(batch)

    def adopt_calls(self, opened: OpenRequirement, batch: OpenBatch) -> None:
        """The batch and its members are of this epoch."""
        for member in batch.open:
            attempt = opened.attempts[member]
            self._undo.append(partial(self.books.put_attempt, key_of(attempt), attempt))
            self.books.put_attempt(key_of(attempt), replace(attempt, epoch=self.books.epoch))
        self.set(batch, "record", replace(batch.record, epoch=self.books.epoch))
        self._note_batch(batch.record)

    def _leave(self, opened: OpenRequirement, batch: OpenBatch, key: AttemptKey) -> None:
        attempt = self.books.attempt(key)
        self.books.put_attempt(key, None)
        self._undo.append(partial(self.books.put_attempt, key, attempt))
        self.books.leave_batch(opened, batch, (key.task, key.number))
        self._undo.append(partial(self.books.rejoin_batch, opened, batch, (key.task, key.number)))
        self._end_batch_if_over(batch)

    def _end_batch_if_over(self, batch: OpenBatch) -> None:
        if not batch.open:
            self._note_batch(replace(batch.record, members=()))

    def _note_batch(self, record: CallBatch) -> None:
        self._calls[record.requirement, record.task, record.number] = record
        self._touched[record.requirement] = None

    def save_agent(self, new: AgentRecord) -> None:
        """What is known of a coding agent; all tasks that use it are concerned."""
        self.set(self.books, "agents", {**self.books.agents, new.name: new})
        self._agents[new.name] = new

    def set(self, of: Any, name: str, value: Any) -> None:
        """That attribute of something in the books has another value."""
        self._undo.append(partial(setattr, of, name, getattr(of, name)))
        setattr(of, name, value)

    def note(self, event: str, record: RequirementRecord | TaskRecord | AttemptRecord, **data: Any) -> None:
        """A fact for the journal about what ``record`` names."""
        match record:
            case RequirementRecord(id=requirement):
                where: tuple[str, str | None, int | None] = (requirement, None, None)
            case TaskRecord(requirement=requirement, id=task, attempts=number):
                where = (requirement, task, number or None)
            case AttemptRecord(requirement=requirement, task=task, number=number):
                where = (requirement, task, number)
        self._events.append(NewEvent(self.now, event, *where, data=data))

    def note_all(self, events: Iterable[NewEvent]) -> None:
        self._events.extend(events)

    def note_as_asked(self, events: Sequence[NewEvent]) -> None:
        """As ``note_all``, for facts that are made as somebody goes over them."""
        self._noted += (tuple(self._events), events)
        self._events = []

    def note_of_all(self, event: str, **data: Any) -> None:
        """A fact about no single requirement."""
        self._events.append(NewEvent(self.now, event, data=data))

    def note_refusal(self, key: AttemptKey, **data: Any) -> None:
        """A result nobody waits for came; it is put into the journal once per attempt."""
        if self.books.refuse(key):
            where = (key.requirement, key.task, key.number)
            self._events.append(NewEvent(self.now, "stale_result_refused", *where, data=data))

    def order(self, order: Order) -> None:
        self._orders.append(order)

    def remind(self, attempt: AttemptRecord) -> None:
        """The order the attempt owes at the end of the step is sent, though nothing of it may have changed."""
        self._owing[key_of(attempt)] = None

    def touched(self) -> tuple[str, ...]:
        """The requirements of which this step changed something."""
        return tuple(self._touched)

    def step(self) -> Step:
        """What to write and then to send: said orders first, then what each changed attempt owes."""
        owing = (attempt for key in self._owing if (attempt := self.books.attempt(key)) is not None)
        owed = (owed_by_attempt(self.books, attempt) for attempt in owing)
        orders = (*self._orders, *(order for order in owed if order is not None))
        rows = tuple(self._tasks.values())
        batch = Batch(
            tuple(self._requirements.values()),
            one_after_another([*self._planned, rows]) if self._planned else rows,
            tuple(self._attempts.values()),
            one_after_another([*self._noted, tuple(self._events)]) if self._noted else tuple(self._events),
            tuple(self._calls.values()),
            tuple(self._accepted),
            tuple(self._agents.values()),
        )
        return Step(batch, orders)

    def undo(self) -> None:
        """Books are as they were before the first change of this step."""
        while self._undo:
            self._undo.pop()()

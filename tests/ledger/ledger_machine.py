"""The ledger beside the simplest model that keeps the promise, four dictionaries and a list, on a disk that fails,
fills up, and whose process dies, in the middle of writes."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from bad_disk import DISK, HAPPENS, STEPS, Fault
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from ledger_cases import DAY_S, NOON, a_requirement, a_task, an_attempt, as_line, day_lines
from msgspec.structs import replace
from sqlalchemy import select

from aidos_actors.core.errors import Fenced
from aidos_actors.core.records import (
    AttemptRecord,
    Batch,
    CallBatch,
    JournalEvent,
    NewEvent,
    RequirementRecord,
    TaskRecord,
)
from aidos_actors.core.states import REQUIREMENT_FINAL, AttemptState, RequirementState, TaskState
from aidos_actors.ledger import schema
from aidos_actors.ledger.errors import LedgerDamaged, LedgerRefused, LedgerUnavailable
from aidos_actors.ledger.ledger import Ledger
from aidos_actors.ledger.rows import ATTEMPTS, TASKS, call_batch_of

names = st.sampled_from(["a", "b", "c"])
texts = st.none() | st.text("a'\n\0é磁🔍\u2028", max_size=8)
moments = st.floats(NOON, NOON + 60) | st.floats(NOON - 2 * DAY_S, NOON + 2 * DAY_S)
data = st.dictionaries(
    st.text("abc", max_size=2), st.none() | st.integers(-9, 9) | st.text("é磁\n", max_size=3), max_size=2
)

requirements = st.builds(
    lambda name, position, state, error: a_requirement(name, position, state=state, error=error),
    names,
    st.integers(1, 9),
    st.sampled_from(RequirementState),
    texts,
)
tasks = st.builds(
    lambda requirement, name, state, result: a_task(name, requirement, ord(name), state=state, result=result),
    names,
    names,
    st.sampled_from(TaskState),
    texts,
)
attempts = st.builds(
    lambda requirement, task, number, state: an_attempt(number, task, requirement, state=state),
    names,
    names,
    st.integers(1, 3),
    st.sampled_from(AttemptState),
)
events = st.builds(NewEvent, moments, st.sampled_from(["x", "y"]), st.none() | names, names, st.integers(1, 3), data)
batches = st.builds(
    Batch,
    *(st.lists(kind, max_size=4).map(tuple) for kind in (requirements, tasks, attempts, events)),
)


faults = st.builds(
    Fault, st.sampled_from(STEPS), st.sampled_from(HAPPENS), st.sampled_from([0, 0, 0, 1, 5]), st.booleans()
)


TaskKey = tuple[str, str]
AttemptKey = tuple[str, str, int]


@dataclass(frozen=True)
class Content:
    """All that a ledger holds. ``calls`` are open batches of callables: one row for attempts that have none."""

    requirements: dict[str, RequirementRecord]
    tasks: dict[TaskKey, TaskRecord]
    attempts: dict[AttemptKey, AttemptRecord]
    calls: dict[AttemptKey, CallBatch]
    journal: tuple[JournalEvent, ...]

    def with_batch(self, batch: Batch, epoch: int) -> Content:
        tasks = {**self.tasks, **{(one.requirement, one.id): one for one in batch.tasks}}
        for one in batch.accepted:
            new = {"state": one.state, "attempts": one.attempts, "result": one.result, "finished_at": one.finished_at}
            tasks[one.requirement, one.id] = replace(
                tasks[one.requirement, one.id], **new, not_before_at=None, error=None
            )
        calls = {**self.calls, **{(one.requirement, one.task, one.number): one for one in batch.calls}}
        return Content(
            {**self.requirements, **{one.id: one for one in batch.requirements}},
            tasks,
            {**self.attempts, **{(one.requirement, one.task, one.number): one for one in batch.attempts}},
            {key: one for key, one in calls.items() if one.members},
            (*self.journal, *_numbered(batch.events, len(self.journal), epoch)),
        )

    def open_members(self, call: CallBatch) -> tuple[tuple[str, int], ...]:
        """Those that have not ended: neither a row of their own nor their task's says how."""
        return tuple(
            (task, number)
            for task, number in call.members
            if (call.requirement, task, number) not in self.attempts
            and self.tasks[call.requirement, task].attempts < number
        )

    def under_way(self) -> list[tuple[CallBatch, str, int]]:
        """Every open member of every batch."""
        return [(call, *member) for _key, call in sorted(self.calls.items()) for member in self.open_members(call)]

    def called(self) -> set[TaskKey]:
        """Tasks that some batch names."""
        return {(call.requirement, task) for call in self.calls.values() for task, _number in call.members}

    def seen(self, name: str) -> tuple[list[TaskRecord], list[AttemptRecord], list[CallBatch]]:
        """Of one requirement, what any reader is to see: as if each open member had its own rows."""
        tasks = {key: row for key, row in self.tasks.items() if key[0] == name}
        attempts = {key: row for key, row in self.attempts.items() if key[0] == name}
        for call, task, number in self.under_way():
            if call.requirement == name:
                row = tasks[name, task]
                tasks[name, task] = replace(row, state=TaskState.RUNNING, attempts=number, not_before_at=None)
                who = {"worker": call.worker, "worker_generation": call.worker_generation}
                moments = {"leased_at": call.leased_at, "started_at": call.leased_at}
                attempts[name, task, number] = an_attempt(
                    number, task, name, state=AttemptState.RUNNING, epoch=call.epoch, **who, **moments
                )
        calls = [(call, self.open_members(call)) for key, call in sorted(self.calls.items()) if key[0] == name]
        opened = [replace(call, members=members) for call, members in calls if members]
        return [tasks[key] for key in sorted(tasks)], [attempts[key] for key in sorted(attempts)], opened

    @property
    def is_whole(self) -> bool:
        """Every row names one that is there."""
        return all(key[0] in self.requirements for key in self.tasks) and all(
            key[:2] in self.tasks for key in self.attempts
        )


class LedgerMachine(RuleBasedStateMachine):
    """``may_turn_up`` are contents that were refused in the very moment of their commit: the next opening may show
    one of them, and no later one."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.state_dir = Path(self.folder.name) / "state"
        self.copies = 0
        self.ledger = Ledger.open(self.state_dir)
        self.installation = self.ledger.installation
        self.epoch = 0
        self.content = Content({}, {}, {}, {}, ())
        self.may_turn_up: list[Content] = []

    def committed(self, content: Content) -> None:
        self.content = content
        self.may_turn_up = []

    def open_again(self) -> None:
        """What was not acknowledged is there whole, or not at all."""
        self.ledger = Ledger.open(self.state_dir, wait_s=0)
        said = self.said()
        assert said in (self.content, *self.may_turn_up)
        self.committed(said)

    def said(self) -> Content:
        """All that is stored, as it is stored."""
        ledger = self.ledger
        tables = (TASKS.table, ATTEMPTS.table, schema.call_batches)
        tasks, attempts, calls = (ledger._rows(select(table)) for table in tables)
        return Content(
            {one.id: one for one in ledger.requirements()},
            {(one.requirement, one.id): one for one in TASKS.records(tasks)},
            {(one.requirement, one.task, one.number): one for one in ATTEMPTS.records(attempts)},
            {(one.requirement, one.task, one.number): one for one in map(call_batch_of, calls)},
            tuple(ledger.events()),
        )

    def write(self, batch: Batch, fault: Fault | None) -> None:
        """It is there whole, or refused because of the ``fault``."""
        wanted = self.content.with_batch(batch, self.epoch)
        if fault is None:
            assert self.ledger.apply(self.epoch, batch) == len(wanted.journal)
            self.committed(wanted)
            return
        self.copies += 1
        with DISK.having(fault, self.state_dir, Path(self.folder.name) / f"copy-{self.copies}"):
            try:
                self.ledger.apply(self.epoch, batch)
            except LedgerUnavailable:
                assert DISK.met
                if fault.step == "wal sync":
                    self.may_turn_up.append(wanted)
            else:
                before = self.content
                self.committed(wanted)
                if DISK.copy is not None:  # the process has died before it could say so
                    self.may_turn_up.append(before)
        if DISK.copy is not None:
            self.go_on_with(DISK.copy)

    @rule(at=moments)
    def begin_epoch(self, at: float) -> None:
        self.epoch += 1
        assert self.ledger.begin_epoch(at) == self.epoch
        self.committed(self.content.with_batch(Batch(events=(NewEvent(at, "scheduler_started"),)), self.epoch))

    @rule(batch=batches)
    def apply(self, batch: Batch) -> None:
        batch = self.beside_calls(batch)
        wanted = self.content.with_batch(batch, self.epoch)
        if not wanted.is_whole:
            with pytest.raises(LedgerRefused):
                self.ledger.apply(self.epoch, batch)
            return
        self.write(batch, None)

    @rule(batch=batches, fault=faults)
    def apply_on_a_bad_disk(self, batch: Batch, fault: Fault) -> None:
        self.write(_completed(self.beside_calls(batch)), fault)

    def beside_calls(self, batch: Batch) -> Batch:
        """Without rows of tasks that travel in batches: what becomes of those has rules of its own."""
        called = self.content.called()
        tasks = tuple(one for one in batch.tasks if (one.requirement, one.id) not in called)
        attempts = tuple(one for one in batch.attempts if (one.requirement, one.task) not in called)
        return replace(batch, tasks=tasks, attempts=attempts)

    @rule(name=names, tasks=st.lists(names, min_size=1, unique=True), fault=st.none() | faults)
    def lease_calls(self, name: str, tasks: list[str], fault: Fault | None) -> None:
        """Those of the tasks that are not under way go to a worker together."""
        content = self.content
        busy = {(call.requirement, task) for call, task, _number in content.under_way()}
        free = [task for task in tasks if (name, task) not in busy]
        if not free:
            return
        used = [*content.attempts, *((name, task, row.attempts) for (_, task), row in content.tasks.items())]
        used += [(call.requirement, *member) for call in content.calls.values() for member in call.members]
        members = [(task, 1 + max([n for r, t, n in used if (r, t) == (name, task)], default=0)) for task in free]
        call = CallBatch(name, *members[0], self.epoch, NOON, "w/1", "life", tuple(members))
        new = tuple(a_task(task, name, ord(task)) for task in free if (name, task) not in content.tasks)
        known = () if name in content.requirements else (a_requirement(name),)
        told = tuple(NewEvent(NOON, "attempt_started", name, *member) for member in members)
        self.write(Batch(known, new, events=told, calls=(call,)), fault)

    @precondition(lambda self: self.content.under_way())
    @rule(which=st.lists(st.integers(0, 8), min_size=1), result=texts, fault=st.none() | faults)
    def accept_calls(self, which: list[int], result: str | None, fault: Fault | None) -> None:
        """Some members have succeeded: no row of an attempt is written for them."""
        ended = self.chosen(which)
        accepted = tuple(
            replace(self.content.tasks[call.requirement, task], state=TaskState.DONE, attempts=number, result=result,
                    finished_at=NOON + number, error=None, not_before_at=None)
            for call, task, number in ended
        )  # fmt: skip
        told = tuple(NewEvent(NOON, "task_done", call.requirement, task, number) for call, task, number in ended)
        self.write(Batch(accepted=accepted, events=told, calls=self.over(ended)), fault)

    @precondition(lambda self: self.content.under_way())
    @rule(which=st.integers(0, 8), state=st.sampled_from([AttemptState.LOST, AttemptState.FAILED]),
          fault=st.none() | faults)  # fmt: skip
    def fail_a_call(self, which: int, state: AttemptState, fault: Fault | None) -> None:
        """It leaves its batch with the first row of its own."""
        ((call, task, number),) = ended = self.chosen([which])
        row = replace(self.content.tasks[call.requirement, task], state=TaskState.READY, attempts=number)
        attempt = an_attempt(number, task, call.requirement, state=state, ended_at=NOON)
        told = (NewEvent(NOON, "attempt_lost", call.requirement, task, number),)
        self.write(Batch((), (row,), (attempt,), told, self.over(ended)), fault)

    def chosen(self, which: list[int]) -> list[tuple[CallBatch, str, int]]:
        under_way = self.content.under_way()
        return [under_way[at] for at in sorted({number % len(under_way) for number in which})]

    def over(self, ended: list[tuple[CallBatch, str, int]]) -> tuple[CallBatch, ...]:
        """The batches of which nothing is left."""
        batches = {(call.requirement, call.task, call.number): call for call, _task, _number in ended}
        return tuple(
            replace(call, members=())
            for call in batches.values()
            if {(task, number) for of, task, number in ended if of == call} == set(self.content.open_members(call))
        )

    @precondition(lambda self: len(self.content.tasks) < 9)
    @rule(name=names, task=names)
    def accept_what_has_no_row(self, name: str, task: str) -> None:
        """A ledger that has lost a task is damaged; what came with it is not there."""
        if (name, task) not in self.content.tasks:
            lost = a_task(task, name, state=TaskState.DONE, attempts=1)
            with pytest.raises(LedgerDamaged):
                self.ledger.apply(self.epoch, Batch(accepted=(lost,), events=(NewEvent(NOON, "task_done"),)))

    def go_on_with(self, copy: Path) -> None:
        """The process has died, and left this."""
        self.ledger.close()
        shutil.rmtree(self.state_dir)
        self.state_dir = copy
        self.open_again()

    @rule(batch=batches, age=st.sampled_from([-2, -1, 1, 2]))
    def apply_with_another_epoch(self, batch: Batch, age: int) -> None:
        with pytest.raises(Fenced):
            self.ledger.apply(self.epoch - age, batch)

    @rule(batch=batches, at_end=st.booleans())
    def apply_with_a_bad_event(self, batch: Batch, at_end: bool) -> None:
        bad = (NewEvent(NOON, "bad", data={"x": {1, 2}}),)
        events = (*batch.events, *bad) if at_end else (*bad, *batch.events)
        with pytest.raises(LedgerRefused):
            self.ledger.apply(self.epoch, replace(batch, events=events))

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.open_again()

    @precondition(lambda self: self.content.journal and self.days_only_grow())
    @rule(cut_bytes=st.integers(1, 400), junk=st.binary(max_size=30))
    def reopen_after_damage_to_a_day_file(self, cut_bytes: int, junk: bytes) -> None:
        self.ledger.close()
        newest = max((self.state_dir / "journal").glob("2*.jsonl"), key=_last_seq)
        newest.write_bytes(newest.read_bytes()[:-cut_bytes] + junk)
        (self.state_dir / "journal" / "unconfirmed.jsonl").unlink(missing_ok=True)
        self.open_again()

    @invariant()
    def the_ledger_says_what_the_model_says(self) -> None:
        ledger, known = self.ledger, self.content
        assert self.said() == known
        by_position = sorted(known.requirements.values(), key=lambda one: one.position)
        assert {one.id for one in ledger.open_requirements()} == {
            one.id for one in by_position if one.state not in REQUIREMENT_FINAL
        }
        assert ledger.next_position() == 1 + max((one.position for one in by_position), default=0)
        for name in "abc":
            assert ledger.requirement(name) == known.requirements.get(name)
            assert ledger.work(name) == known.seen(name)
            assert ledger.events(requirement=name) == [e for e in known.journal if e.requirement == name]
        assert (ledger.epoch(), ledger.installation) == (self.epoch, self.installation)
        assert ledger.last_seq() == len(known.journal)
        if ledger._is_settled:  # else the disk failed while that was put right, and the next write does it first
            assert day_lines(self.state_dir) == [as_line(event) for event in known.journal]

    def days_only_grow(self) -> bool:
        """Else a damaged file need not hold the newest events, and only these are promised to be written again."""
        days = [event.at // DAY_S for event in self.content.journal]
        return days == sorted(days)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.ledger.close()
            self.folder.cleanup()


def _last_seq(path: Path) -> int:
    """Of the whole lines: the disk may have failed in the middle of the last one."""
    lines = [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    return int(json.loads(lines[-1])["seq"]) if lines else 0


def _completed(batch: Batch) -> Batch:
    """With every row that another one names, and an event at least."""
    tasks = (*(a_task(one.task, one.requirement, ord(one.task)) for one in batch.attempts), *batch.tasks)
    requirements = (*(a_requirement(one.requirement) for one in tasks), *batch.requirements)
    return replace(batch, requirements=requirements, tasks=tasks, events=batch.events or (NewEvent(NOON, "x"),))


def _numbered(events: tuple[NewEvent, ...], after_seq: int, epoch: int) -> list[JournalEvent]:
    return [
        JournalEvent(seq, e.at, e.type, e.requirement, e.task, e.attempt, epoch, dict(e.data))
        for seq, e in enumerate(events, after_seq + 1)
    ]

"""The ledger beside the simplest model that keeps the promise, four dictionaries and a list, on a disk that fails,
fills up, and whose process dies, in the middle of writes."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from bad_disk import DISK, Fault
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from ledger_cases import DAY_S, NOON, a_requirement, a_task, an_attempt, as_line, day_lines
from ledger_content import Content
from ledger_strategies import batches, completed, faults, moments, names, texts
from msgspec.structs import replace

from aidos_actors.core.errors import Fenced
from aidos_actors.core.records import (
    Batch,
    CallBatch,
    NewEvent,
)
from aidos_actors.core.states import REQUIREMENT_FINAL, AttemptState, TaskState
from aidos_actors.ledger import schema
from aidos_actors.ledger.errors import LedgerDamaged, LedgerRefused, LedgerUnavailable
from aidos_actors.ledger.ledger import Ledger
from aidos_actors.ledger.rows import ATTEMPTS, TASKS, call_batch_of


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
        tasks, attempts, calls = (ledger.rows(table.select("")) for table in tables)
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
                with suppress(OSError):
                    self.ledger._days._syncing.now()  # soon, in life; refused lines are put right by the next write
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
        batch = self.content.beside_calls(batch)
        wanted = self.content.with_batch(batch, self.epoch)
        if not wanted.is_whole:
            with pytest.raises(LedgerRefused):
                self.ledger.apply(self.epoch, batch)
            return
        self.write(batch, None)

    @rule(batch=batches, fault=faults)
    def apply_on_a_bad_disk(self, batch: Batch, fault: Fault) -> None:
        self.write(completed(self.content.beside_calls(batch)), fault)

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
        self.write(Batch(accepted=accepted, events=told, calls=self.content.over(ended)), fault)

    @precondition(lambda self: self.content.under_way())
    @rule(which=st.integers(0, 8), state=st.sampled_from([AttemptState.LOST, AttemptState.FAILED]),
          fault=st.none() | faults)  # fmt: skip
    def fail_a_call(self, which: int, state: AttemptState, fault: Fault | None) -> None:
        """It leaves its batch with the first row of its own."""
        ((call, task, number),) = ended = self.chosen([which])
        row = replace(self.content.tasks[call.requirement, task], state=TaskState.READY, attempts=number)
        attempt = an_attempt(number, task, call.requirement, state=state, ended_at=NOON)
        told = (NewEvent(NOON, "attempt_lost", call.requirement, task, number),)
        self.write(Batch((), (row,), (attempt,), told, self.content.over(ended)), fault)

    def chosen(self, which: list[int]) -> list[tuple[CallBatch, str, int]]:
        under_way = self.content.under_way()
        return [under_way[at] for at in sorted({number % len(under_way) for number in which})]

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

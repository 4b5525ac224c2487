"""The ledger against the simplest model that keeps the promise: three dictionaries and a list."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_cases import DAY_S, NOON, a_requirement, a_task, an_attempt, as_line, day_lines

from aidos_actors.core.errors import Fenced
from aidos_actors.core.records import AttemptRecord, Batch, JournalEvent, NewEvent, RequirementRecord, TaskRecord
from aidos_actors.core.states import REQUIREMENT_FINAL, AttemptState, RequirementState, TaskState
from aidos_actors.ledger.errors import LedgerRefused
from aidos_actors.ledger.ledger import Ledger

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


class LedgerMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.state_dir = Path(self.folder.name)
        self.ledger = Ledger.open(self.state_dir)
        self.installation = self.ledger.installation
        self.epoch = 0
        self.requirements: dict[str, RequirementRecord] = {}
        self.tasks: dict[tuple[str, str], TaskRecord] = {}
        self.attempts: dict[tuple[str, str, int], AttemptRecord] = {}
        self.journal: list[JournalEvent] = []

    def record(self, *events: NewEvent) -> None:
        for e in events:
            seq = len(self.journal) + 1
            self.journal.append(
                JournalEvent(seq, e.at, e.type, e.requirement, e.task, e.attempt, self.epoch, dict(e.data))
            )

    @rule(at=moments)
    def begin_epoch(self, at: float) -> None:
        self.epoch += 1
        assert self.ledger.begin_epoch(at) == self.epoch
        self.record(NewEvent(at, "scheduler_started"))

    @rule(batch=batches)
    def apply(self, batch: Batch) -> None:
        wanted = {**self.requirements, **{one.id: one for one in batch.requirements}}
        tasks = {**self.tasks, **{(one.requirement, one.id): one for one in batch.tasks}}
        attempts = {**self.attempts, **{(one.requirement, one.task, one.number): one for one in batch.attempts}}
        if any(key[0] not in wanted for key in tasks) or any(key[:2] not in tasks for key in attempts):
            with pytest.raises(LedgerRefused):
                self.ledger.apply(self.epoch, batch)
            return
        assert self.ledger.apply(self.epoch, batch) == len(self.journal) + len(batch.events)
        self.requirements, self.tasks, self.attempts = wanted, tasks, attempts
        self.record(*batch.events)

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
        self.ledger = Ledger.open(self.state_dir, wait_s=0)

    @precondition(lambda self: self.journal and self.days_only_grow())
    @rule(cut_bytes=st.integers(1, 400), junk=st.binary(max_size=30))
    def reopen_after_damage_to_a_day_file(self, cut_bytes: int, junk: bytes) -> None:
        self.ledger.close()
        newest = max((self.state_dir / "journal").glob("2*.jsonl"), key=_last_seq)
        newest.write_bytes(newest.read_bytes()[:-cut_bytes] + junk)
        (self.state_dir / "journal" / "unconfirmed.jsonl").unlink(missing_ok=True)
        self.ledger = Ledger.open(self.state_dir, wait_s=0)

    @invariant()
    def the_ledger_says_what_the_model_says(self) -> None:
        ledger = self.ledger
        by_position = sorted(self.requirements.values(), key=lambda one: one.position)
        assert sorted(ledger.requirements(), key=lambda one: (one.position, one.id)) == sorted(
            by_position, key=lambda one: (one.position, one.id)
        )
        assert {one.id for one in ledger.open_requirements()} == {
            one.id for one in by_position if one.state not in REQUIREMENT_FINAL
        }
        assert ledger.next_position() == 1 + max((one.position for one in by_position), default=0)
        for name in "abc":
            assert ledger.requirement(name) == self.requirements.get(name)
            assert ledger.tasks(name) == [self.tasks[key] for key in sorted(self.tasks) if key[0] == name]
            assert ledger.attempts(name) == [self.attempts[key] for key in sorted(self.attempts) if key[0] == name]
            assert ledger.events(requirement=name) == [e for e in self.journal if e.requirement == name]
        assert (ledger.epoch(), ledger.installation) == (self.epoch, self.installation)
        assert (ledger.events(), ledger.last_seq()) == (self.journal, len(self.journal))
        assert day_lines(self.state_dir) == [as_line(event) for event in self.journal]

    def days_only_grow(self) -> bool:
        """Else a damaged file need not hold the newest events, and only these are promised to be written again."""
        days = [event.at // DAY_S for event in self.journal]
        return days == sorted(days)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.ledger.close()
            self.folder.cleanup()


def _last_seq(path: Path) -> int:
    lines = path.read_bytes().splitlines()
    return int(json.loads(lines[-1])["seq"]) if lines else 0


TestLedgerModel = LedgerMachine.TestCase
TestLedgerModel.settings = settings(
    max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

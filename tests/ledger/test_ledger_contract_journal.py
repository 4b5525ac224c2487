"""The law of the port ``Ledger`` on who may write and what is journalled: epochs, numbers without gaps, and batches
that are refused whole."""

from __future__ import annotations

import pytest
from ledger_cases import NOON, a_requirement, a_task, an_attempt, an_event, numbered

from aidos_actors import ports
from aidos_actors.core.errors import AidosError, Conflict, Fenced
from aidos_actors.core.records import Batch
from aidos_actors.ledger.errors import LedgerRefused


def test_an_epoch_is_one_more_than_the_last_and_is_journalled(ledger: ports.Ledger) -> None:
    assert [ledger.begin_epoch(NOON), ledger.begin_epoch(NOON + 1), ledger.epoch()] == [1, 2, 2]
    assert [(e.seq, e.at, e.type, e.epoch) for e in ledger.events()] == [
        (1, NOON, "scheduler_started", 1),
        (2, NOON + 1, "scheduler_started", 2),
    ]


def test_an_older_epoch_writes_nothing(ledger: ports.Ledger, epoch: int) -> None:
    ledger.begin_epoch(NOON)
    for wrong in (epoch, epoch + 2):
        with pytest.raises(Fenced, match=f"epoch {wrong} .* epoch {epoch + 1} "):
            ledger.apply(wrong, numbered(1))
    assert (ledger.requirements(), ledger.last_seq()) == ([], 2)
    assert issubclass(Fenced, Conflict) and Fenced.exit_code == 7
    assert ledger.apply(epoch + 1, numbered(1)) == 5


def test_events_are_numbered_without_gaps(ledger: ports.Ledger, epoch: int) -> None:
    assert ledger.apply(epoch, Batch()) == 1
    assert ledger.apply(epoch, Batch(events=(an_event("a"), an_event("b")))) == 3
    assert ledger.apply(epoch, Batch(requirements=(a_requirement(),))) == 3
    data = {"text": "磁盘", "n": [1, 2.5, None, {"deep": True}]}
    assert ledger.apply(epoch, Batch(events=(an_event("c", requirement="shop", task="t", attempt=2, data=data),))) == 4
    assert [(e.seq, e.type) for e in ledger.events(after_seq=1)] == [(2, "a"), (3, "b"), (4, "c")]
    last = ledger.events(after_seq=3)[0]
    assert (last.requirement, last.task, last.attempt, last.epoch, last.data) == ("shop", "t", 2, epoch, data)


def test_events_are_read_in_pages_and_by_requirement(ledger: ports.Ledger, epoch: int) -> None:
    names = ["a", "b", "a", None, "a"]
    ledger.apply(epoch, Batch(events=tuple(an_event(requirement=name) for name in names)))
    assert [e.seq for e in ledger.events(limit=2)] == [1, 2]
    assert [e.seq for e in ledger.events(after_seq=4, limit=1)] == [5]
    assert [e.seq for e in ledger.events(requirement="a")] == [2, 4, 6]
    assert [e.seq for e in ledger.events(after_seq=2, limit=1, requirement="a")] == [4]
    assert ledger.events(after_seq=6) == []


REFUSED = {
    "orphan task": Batch(tasks=(a_task(requirement="nobody"),), events=(an_event(),)),
    "orphan attempt": Batch(requirements=(a_requirement(),), attempts=(an_attempt(),), events=(an_event(),)),
    "data not json": Batch(requirements=(a_requirement(),), events=(an_event(), an_event(data={"x": object()}))),
    "data not finite": Batch(requirements=(a_requirement(),), events=(an_event(data={"x": float("nan")}),)),
    "at no moment": Batch(requirements=(a_requirement(),), events=(an_event(at=float("inf")),)),
    "at not a number": Batch(requirements=(a_requirement(),), events=(an_event(at=float("nan")),)),
    "missing value": Batch(requirements=(a_requirement(title=None),), events=(an_event(),)),
    "number too large": Batch(requirements=(a_requirement(position=2**70),), events=(an_event(),)),
    "strange value": Batch(requirements=(a_requirement(sha256=["no"]),), events=(an_event(),)),
    "half a character": Batch(requirements=(a_requirement("\ud800"),), events=(an_event(),)),
}


@pytest.mark.parametrize("batch", REFUSED.values(), ids=REFUSED.keys())
def test_a_batch_that_breaks_a_rule_changes_nothing(ledger: ports.Ledger, epoch: int, batch: Batch) -> None:
    with pytest.raises(LedgerRefused) as refused:
        ledger.apply(epoch, batch)
    assert isinstance(refused.value, AidosError) and refused.value.message
    assert (ledger.requirements(), ledger.last_seq()) == ([], 1)
    assert ledger.apply(epoch, numbered(1)) == 4
    assert [e.seq for e in ledger.events()] == [1, 2, 3, 4]


def test_half_characters_in_texts_become_question_marks(ledger: ports.Ledger, epoch: int) -> None:
    broken = "bad \udcff byte"
    batch = Batch((a_requirement(error=broken),), (a_task(result=broken),), (), (an_event(data={"tail": broken}),))
    ledger.apply(epoch, batch)
    assert ledger.requirements()[0].error == ledger.tasks("shop")[0].result == "bad ? byte"
    assert ledger.events(after_seq=1)[0].data == {"tail": "bad ? byte"}


def test_a_batch_may_hold_thousands_of_rows(ledger: ports.Ledger, epoch: int) -> None:
    tasks = tuple(a_task(f"t{n}", position=n) for n in range(5_000))
    events = tuple(an_event(task=task.id) for task in tasks)
    assert ledger.apply(epoch, Batch((a_requirement(),), tasks, (), events)) == 5_001
    assert tuple(ledger.tasks("shop")) == tasks
    assert [e.task for e in ledger.events(after_seq=1, limit=10_000)] == [task.id for task in tasks]

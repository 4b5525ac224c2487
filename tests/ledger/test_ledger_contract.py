"""The law of the port ``Ledger``, for every adapter: records come back as they were written, in order, and counted."""

from __future__ import annotations

import pytest
from ledger_cases import NOON, a_requirement, a_task, an_attempt
from msgspec.structs import replace

from aidos_actors import ports
from aidos_actors.core.records import Batch
from aidos_actors.core.states import AttemptState, RequirementState, TaskState


def test_a_new_ledger_is_empty_and_has_an_identity(ledger: ports.Ledger) -> None:
    assert (ledger.epoch(), ledger.last_seq(), ledger.next_position()) == (0, 0, 1)
    assert ledger.requirements() == ledger.open_requirements() == ledger.events() == []
    assert ledger.requirement("shop") is None
    assert len(ledger.installation) == 16 and int(ledger.installation, 16) >= 0


def test_records_come_back_as_they_were_written(ledger: ports.Ledger, epoch: int) -> None:
    bare = Batch((a_requirement(),), (a_task(),), (an_attempt(),))
    full = Batch(
        (
            a_requirement(
                "full",
                2,
                title="搜索 🔍",
                state=RequirementState.PAUSED,
                document='{"id": "full"}',
                repo="/srv/a repo",
                target="aidos/full",
                base_commit="a" * 40,
                started_at=NOON + 1e-3,
                finished_at=NOON + 2,
                deadline_at=NOON + 3,
                commit="b" * 64,
                error="line\n\x00end",
                replans=2,
            ),
        ),
        (
            a_task(
                "t",
                "full",
                3,
                state=TaskState.BACKING_OFF,
                attempts=4,
                own_failures=1,
                infra_faults=2,
                conflicts=1,
                not_before_at=NOON,
                commit="c" * 40,
                error="é",
                result='{"a": [1, null]}',
                finished_at=NOON,
            ),
        ),
        (
            an_attempt(
                4,
                "t",
                "full",
                state=AttemptState.LOST,
                epoch=7,
                worker="root/workers/1",
                worker_generation="9f",
                worktree="/w",
                base_commit="d" * 40,
                minder_pid=4_194_303,
                minder_started=2**40,
                started_at=NOON,
                ended_at=NOON + 1,
                exit_code=-9,
                error="killed",
            ),
        ),
    )
    ledger.apply(epoch, bare)
    ledger.apply(epoch, full)
    for batch in (bare, full):
        (requirement,) = batch.requirements
        assert ledger.requirement(requirement.id) == requirement
        assert ledger.tasks(requirement.id) == list(batch.tasks)
        assert ledger.attempts(requirement.id) == list(batch.attempts)
        assert isinstance(ledger.tasks(requirement.id)[0].state, TaskState)


def test_a_row_replaces_the_one_with_its_key(ledger: ports.Ledger, epoch: int) -> None:
    ledger.apply(epoch, Batch((a_requirement(error="old"),), (a_task(error="old"),), (an_attempt(error="old"),)))
    ledger.apply(epoch, Batch((a_requirement(),), (a_task(),), (an_attempt(),)))
    assert ledger.requirements() == [a_requirement()]
    assert ledger.tasks("shop") == [a_task()]
    assert ledger.attempts("shop") == [an_attempt()]


def test_of_two_rows_with_one_key_in_a_batch_the_later_stays(ledger: ports.Ledger, epoch: int) -> None:
    ledger.apply(epoch, Batch((a_requirement(), a_requirement(title="later"))))
    assert ledger.requirements() == [a_requirement(title="later")]


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_what_a_later_row_of_a_batch_leaves_empty_is_empty(ledger: ports.Ledger, epoch: int, nth: int) -> None:
    """Whatever came before it, in this batch or an earlier one."""
    said, empty = a_task(error="why", paused_at=NOON), a_task(state=TaskState.READY)
    rows = [said, empty, said, empty][:nth]
    ledger.apply(epoch, Batch((a_requirement(),), (said, a_task("other", position=1))))
    ledger.apply(epoch, Batch(tasks=tuple(rows)))
    assert ledger.tasks("shop") == [rows[-1], a_task("other", position=1)]


def test_answers_come_in_order(ledger: ports.Ledger, epoch: int) -> None:
    ledger.apply(
        epoch,
        Batch(
            requirements=(a_requirement("b", 2), a_requirement("a", 3), a_requirement("c", 1)),
            tasks=(a_task("z", "a", 0), a_task("x", "a", 2), a_task("y", "a", 1)),
            attempts=(an_attempt(2, "x", "a"), an_attempt(1, "x", "a"), an_attempt(1, "y", "a")),
        ),
    )
    assert [one.id for one in ledger.requirements()] == ["c", "b", "a"]
    assert [one.id for one in ledger.tasks("a")] == ["z", "y", "x"]
    assert [(one.task, one.number) for one in ledger.attempts("a")] == [("x", 1), ("x", 2), ("y", 1)]
    assert [one.number for one in ledger.attempts("a", "x")] == [1, 2]
    assert ledger.tasks("b") == ledger.attempts("a", "z") == []
    assert ledger.next_position() == 4


def test_open_requirements_are_those_in_no_final_state(ledger: ports.Ledger, epoch: int) -> None:
    ledger.apply(
        epoch, Batch(tuple(a_requirement(state.value, n, state=state) for n, state in enumerate(RequirementState)))
    )
    assert [one.id for one in ledger.open_requirements()] == ["waiting", "analysing", "running", "paused"]


def test_an_overview_counts_open_requirements_and_believes_ended_ones(ledger: ports.Ledger, epoch: int) -> None:
    done, failed = TaskState.DONE, TaskState.FAILED
    ended = a_requirement("ended", 1, state=RequirementState.FAILED, document="long", tasks_done=7, tasks_total=9)
    rows = (
        a_requirement("b", 3),
        ended,
        a_requirement("a", 2),
        a_requirement("new", 4, state=RequirementState.WAITING),
    )
    tasks = [a_task(name, "a", state=state) for name, state in (("x", done), ("y", failed), ("z", done))]
    ledger.apply(epoch, Batch(rows, (*tasks, a_task("x", "b"), a_task("x", "ended", state=done))))
    listed = ledger.overview()
    assert [(one.id, done, total) for one, done, total in listed] == [
        ("ended", 7, 9),
        ("a", 2, 3),
        ("b", 0, 1),
        ("new", 0, 0),
    ]
    assert listed[0][0] == replace(ended, document="")


def test_attempts_that_nothing_follows_from_may_be_left_out(ledger: ports.Ledger, epoch: int) -> None:
    done, lost = a_task("done", state=TaskState.DONE), a_task("lost", state=TaskState.READY)
    ended = {"state": AttemptState.ACCEPTED, "ended_at": NOON}
    attempts = (
        an_attempt(1, "done", **ended),
        an_attempt(2, "done", **ended, worktree="/w"),
        an_attempt(3, "done", state=AttemptState.CANCELLED),
        an_attempt(1, "lost", state=AttemptState.LOST, ended_at=NOON),
        an_attempt(1, "lost", "other"),
    )
    others = (a_task("lost", "other"),)
    ledger.apply(epoch, Batch((a_requirement(), a_requirement("other", 2)), (done, lost, *others), attempts))
    found = [(one.task, one.number) for one in ledger.work("shop", is_settled_left_out=True)[1]]
    assert found == [("done", 2), ("done", 3), ("lost", 1)]

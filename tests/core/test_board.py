"""The way of a requirement when nothing goes wrong, and what a step promises."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from board_bench import INTEGRATED, W1, Bench, requirement
from board_doers import OK
from msgspec.structs import replace

from aidos_actors.core.board import ending
from aidos_actors.core.errors import BadInput, Conflict, NotFound
from aidos_actors.core.orders import (
    Acknowledge,
    Analyse,
    AttemptKey,
    Discard,
    Integrate,
    Integration,
    Prepare,
    Start,
    Step,
)
from aidos_actors.core.records import Batch
from aidos_actors.core.states import AttemptState, RequirementState, TaskState

A1 = AttemptKey("r", "a", 1)


def test_a_submitted_requirement_waits_until_dispatch_gives_it_to_the_analyzer() -> None:
    bench = Bench()
    model = requirement({"a": {}, "b": {"needs": ["a"]}}, repo="/repo", deadline_s=60)
    bench.submit(model, position=3)
    record = bench.record()
    assert (record.state, record.position, record.created_at) == (RequirementState.WAITING, 3, 100.0)
    assert (record.target, record.base_commit, record.deadline_at) == ("aidos/r", "base", 160.0)
    bench.dispatch()
    assert bench.orders == (Analyse("r", model.model_dump_json()),)
    assert bench.board.owed("analyzer") == bench.orders
    assert bench.record().state is RequirementState.ANALYSING


def test_a_requirement_whose_tasks_need_nothing_is_planned_as_it_is_taken_in() -> None:
    bench = Bench()
    bench.submit(requirement({"a": {}, "b": {}}))
    assert bench.record().state is RequirementState.RUNNING and bench.board.owed("analyzer") == ()
    assert {task.state for task in bench.ledger.tasks.values()} == {TaskState.READY}
    assert bench.events() == ["requirement_submitted", "plan_recorded", "tasks_planned"]


@pytest.mark.parametrize("is_open", [True, False])
def test_the_same_content_again_changes_nothing_and_other_content_is_a_conflict(is_open: bool) -> None:
    bench = Bench({"a": {}})
    known = bench.record()
    if not is_open:
        bench.board = Bench().board
    assert bench.submit(requirement({"a": {}}), known=known) == Step()
    before = dict(bench.ledger.requirements)
    with pytest.raises(Conflict, match="--revise"):
        bench.submit(requirement({"a": {"run": "false"}}), known=known)
    assert bench.ledger.requirements == before


def test_what_cannot_be_ordered_is_refused_and_leaves_no_trace() -> None:
    bench = Bench()
    with pytest.raises(BadInput, match="circle"):
        bench.submit(requirement({"a": {"needs": ["b"]}, "b": {"needs": ["a"]}}))
    assert bench.board.open_requirements == () and bench.dispatch() == Step()


def test_the_plan_makes_tasks_without_needs_ready_and_is_recorded_once() -> None:
    bench = Bench({"a": {}, "b": {"needs": ["a"]}, "c": {}})
    assert [task.state for task in bench.ledger.tasks.values()] == [TaskState.READY, TaskState.WAITING, TaskState.READY]
    assert [task.position for task in bench.ledger.tasks.values()] == [0, 1, 2]
    assert bench.record().started_at == 100.0
    assert bench.board.analysed("r", 101.0) == Step()
    assert bench.board.analysed("unknown", 101.0) == Step()


def test_what_is_no_plan_fails_with_the_reason() -> None:
    bench = Bench()
    bench.submit(requirement({"a": {}, "b": {"needs": ["a"]}}))
    bench.dispatch()
    bench.take(bench.board.rejected("r", "no task in it", bench.now))
    assert (bench.record().state, bench.record().error) == (RequirementState.FAILED, "no task in it")
    assert bench.board.open_requirements == () and "requirement_rejected" in bench.events()


def test_the_life_of_a_task_without_git() -> None:
    bench = Bench({"a": {}})
    assert bench.lease() == A1
    (start,) = bench.orders
    assert isinstance(start, Start) and (start.worker, start.path, start.repo) == (W1, "/w/r/a.1", None)
    bench.take(bench.board.minded(W1, A1, 7, 77, bench.now))
    assert bench.orders == (replace(start, minder=(7, 77)),)
    assert (bench.attempt(A1).minder_pid, bench.attempt(A1).minder_started) == (7, 77)
    bench.end(A1)
    assert bench.orders == (Acknowledge(W1, A1), Discard(A1, None, "/w/r/a.1", ((7, 77),)))
    assert (bench.task().state, bench.task().result) == (TaskState.DONE, "1")
    assert bench.record().state is RequirementState.RUNNING, "its folder is still there"
    bench.discard()
    assert bench.record().state is RequirementState.DONE and bench.attempt(A1).worktree is None
    assert bench.events()[3:] == [
        "attempt_leased",
        "attempt_started",
        "attempt_ended",
        "task_done",
        "worktree_discarded",
        "requirement_done",
    ]


def test_the_life_of_a_task_with_git() -> None:
    bench = Bench({"a": {"title": "Do A"}}, repo="/repo", verify="make check")
    bench.lease()
    assert bench.orders == (Prepare(A1, "/repo", "/w/r/a.1", "aidos/r", "base"),)
    bench.take(bench.board.prepared(A1, "head", "/repo", bench.now))
    assert [type(order) for order in bench.orders] == [Start]
    assert bench.board.prepared(A1, "head", "/repo", bench.now) == Step(), "said twice"
    bench.take(bench.board.minded(W1, A1, 7, 77, bench.now))
    bench.end(A1)
    integrate = Integrate(A1, "/repo", "/w/r/a.1", "head", "aidos/r", "Do A", "make check", "base")
    assert bench.orders == (Acknowledge(W1, A1), integrate)
    assert bench.task().state is TaskState.INTEGRATING
    bench.take(bench.board.integrated(A1, INTEGRATED, bench.now))
    assert (bench.task().commit, bench.record().commit, bench.task().result) == ("c0ffee", "c0ffee", "1")
    assert bench.attempt(A1).state is AttemptState.ACCEPTED
    assert bench.board.integrated(A1, INTEGRATED, bench.now) == Step(), "said twice"
    bench.discard()
    assert bench.record().state is RequirementState.DONE
    assert bench.events().count("task_done") == 1


def test_a_task_that_changed_nothing_is_done_without_a_commit() -> None:
    bench = Bench({"a": {}, "b": {}}, repo="/repo")
    bench.finish(bench.run())
    bench.finish(bench.run(), Integration(None, "integrated"))
    assert (bench.task("b").state, bench.task("b").commit) == (TaskState.DONE, None)
    assert bench.record().commit == "c0ffee"


def test_dependents_start_when_all_they_need_is_done() -> None:
    bench = Bench({"a": {}, "b": {}, "c": {"needs": ["a", "b"]}}, repo="/repo", slots=3)
    first, second = (AttemptKey("r", name, 1) for name in "ab")
    bench.dispatch()
    for key in (first, second):
        bench.run(key)
        bench.end(key)
    bench.take(bench.board.integrated(first, INTEGRATED, bench.now))
    assert bench.task("c").state is TaskState.WAITING
    bench.take(bench.board.integrated(second, INTEGRATED, bench.now))
    assert bench.task("c").state is TaskState.READY


def test_a_path_names_requirement_task_and_attempt() -> None:
    bench = Bench({"a": {}})
    path = bench.attempt(bench.lease()).worktree
    assert path is not None and PurePosixPath(path).parts[-2:] == ("r", "a.1")


def test_cancelling_what_is_not_there_says_so() -> None:
    bench = Bench({"a": {}})
    with pytest.raises(NotFound, match="nobody"):
        bench.board.steer("cancel", "nobody", None, bench.now)
    with pytest.raises(NotFound, match="zzz"):
        bench.board.steer("cancel", "r", "zzz", bench.now)


@pytest.mark.parametrize("verb", ["ended", "cancel", "worker_gone", "drain", "tick"])
def test_a_step_that_raises_has_changed_nothing(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench({"a": {"group": "g"}, "b": {"needs": ["a"]}, "c": {"group": "g"}}, deadline_s=5)
    key = bench.run()
    calls = {
        "ended": lambda now: bench.board.ended(W1, key, OK, now),
        "cancel": lambda now: bench.board.steer("cancel", "r", None, now),
        "worker_gone": lambda now: bench.board.worker_gone("w/1", "first", now),
        "drain": lambda now: bench.board.drain(now, now),
        "tick": lambda now: bench.board.tick(now + 10),
    }
    books = bench.board._books

    def seen() -> tuple[object, ...]:
        opened = books.open["r"]
        return (opened.record, dict(opened.tasks), dict(opened.attempts), opened.unfinished,
                [*map(opened.is_met, opened.tasks.values())], list(books.candidates()), books.loads(), books.crew,
                bench.board.owed("worker"), bench.board.next_due_at())  # fmt: skip

    def breaks(*_args: object) -> None:
        raise RuntimeError("broken")

    before = seen()
    with monkeypatch.context() as patch:
        patch.setattr(ending, "settle", breaks)
        patch.setattr("aidos_actors.core.board.draft.Draft.step", breaks)
        with pytest.raises(RuntimeError):
            calls[verb](bench.now)
    assert seen() == before
    assert calls[verb](bench.now).batch != Batch() or verb == "drain"

"""Results that nobody waits for: they change nothing, are noted once, and leave no worktree behind."""

from __future__ import annotations

import pytest
from board_bench import INTEGRATED, W1, W2, Bench
from board_doers import OK

from aidos_actors.core.board import books
from aidos_actors.core.orders import Acknowledge, AttemptKey, Discard, End
from aidos_actors.core.states import AttemptState, RequirementState

A1, A9 = AttemptKey("r", "a", 1), AttemptKey("r", "a", 9)
LATE_A9 = Discard(A9, None, "/w/r/a.9", ())


@pytest.mark.parametrize(
    ("verb", "args", "answers"),
    [
        ("ended", (W1, A9, OK), [Acknowledge(W1, A9), LATE_A9]),
        ("ended", (W2, A1, OK), [Acknowledge(W2, A1)]),
        ("minded", (W1, A9, 1, 1), [End(W1, A9, "cancel")]),
        ("minded", (W2, A1, 1, 1), [End(W2, A1, "cancel")]),
        ("minded", (W1, A1, 8, 88), []),
        ("prepared", (A9, "head", "/repo"), [LATE_A9]),
        ("prepare_failed", (A9, "disk full"), []),
        ("integrated", (A9, INTEGRATED), []),
        ("ended", (W1, AttemptKey("gone", "a", 1), OK), None),
    ],
)
def test_a_result_nobody_waits_for_changes_nothing_and_is_noted_once(verb: str, args: tuple, answers) -> None:
    bench = Bench({"a": {}})
    assert bench.run() == A1
    for events in (["stale_result_refused"], []):
        step = getattr(bench.board, verb)(*args, now=bench.now)
        assert [event.type for event in step.batch.events] == events
        assert not (step.batch.requirements or step.batch.tasks or step.batch.attempts)
        assert answers is None or list(step.orders) == answers
    assert bench.attempt(A1).state is AttemptState.RUNNING


def test_a_worktree_that_came_too_late_is_discarded() -> None:
    bench = Bench({"a": {}}, repo="/repo")
    bench.lease()
    bench.take(bench.board.worker_gone("w/1", "first", bench.now))
    for _ in range(2):
        assert bench.orders == (Discard(A1, "/repo", "/w/r/a.1", ()),)
        bench.take(bench.board.prepared(A1, "head", "/repo", bench.now))
    bench.take(bench.board.discarded(A1, bench.now))
    bench.take(bench.board.prepared(A1, "head", "/repo", bench.now))
    assert bench.orders == (Discard(A1, "/repo", "/w/r/a.1", ()),), "made again after it was discarded"


def test_a_worktree_that_came_after_its_requirement_had_ended_is_taken_off_its_repository() -> None:
    bench = Bench({"a": {}}, repo="/repo")
    bench.finish(bench.run())
    assert bench.record().state is RequirementState.DONE
    bench.take(bench.board.prepared(A1, "head", "/repo", bench.now))
    assert bench.orders == (Discard(A1, "/repo", "/w/r/a.1", ()),)


def test_an_end_that_is_told_again_is_only_acknowledged() -> None:
    bench = Bench({"a": {}}, repo="/repo")
    key = bench.end(bench.run())
    again = bench.board.ended(W1, key, OK, bench.now)
    assert (again.orders, again.batch.is_empty) == ((Acknowledge(W1, key),), True)


def test_the_memory_of_refused_results_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "REFUSED_MAX", 3)
    bench = Bench({"a": {}})
    for number in range(10, 20):
        bench.take(bench.board.integrated(AttemptKey("r", "a", number), INTEGRATED, bench.now))
    assert len(bench.board._books.refused) == 3
    assert bench.events().count("stale_result_refused") == 10

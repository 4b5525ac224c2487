"""Who gets which task next: the choice itself, the order of ready tasks, and the limits of requirements and workers."""

from __future__ import annotations

import pytest
from board_bench import W1, W2, WITHDRAWN, Bench, requirement
from board_doers import OWN
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from test_board_faults import lose_worker

from aidos_actors.core.board.dispatch import Candidate, Lease, Load, next_lease
from aidos_actors.core.board.ready import TURNS, Lanes, rank_of, turns_of
from aidos_actors.core.orders import AttemptKey, AttemptOutcome, WorkerId
from aidos_actors.core.requirement import Mode

pytestmark = pytest.mark.usefixtures("form")

W3 = WorkerId("w/3", "first")
A, B, ALONE = Candidate("r", "a"), Candidate("r", "b"), Candidate("r", "x", must_be_alone=True)


@pytest.mark.parametrize(
    ("candidates", "crew", "expected"),
    [
        ([], [Load(W1, 1, 0)], None),
        ([A], [], None),
        ([A], [Load(W1, 1, 1)], None),
        ([A, B], [Load(W1, 1, 0)], ("a", W1)),
        ([A], [Load(W2, 2, 0), Load(W1, 2, 0)], ("a", W1)),
        ([A], [Load(W1, 9, 1), Load(W2, 9, 0)], ("a", W2)),
        ([A], [Load(W1, 2, 1, is_alone=True)], None),
        ([A], [Load(W1, 2, 1, is_alone=True), Load(W2, 2, 1)], ("a", W2)),
        ([ALONE, A], [Load(W1, 2, 1), Load(W2, 2, 0)], ("x", W2)),
        ([ALONE, A], [Load(W1, 2, 1)], None),
        ([ALONE, A], [Load(W1, 3, 1), Load(W2, 3, 2)], ("a", W2)),
        ([ALONE, ALONE, A], [Load(W1, 3, 1), Load(W2, 3, 2)], None),
    ],
)
def test_the_first_candidate_that_fits_goes_to_the_least_loaded_worker(candidates, crew, expected) -> None:
    lease = next_lease(candidates, crew)
    assert lease == (Lease("r", *expected) if expected else None)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("aadhf"), st.integers(0, 29)), max_size=60))
def test_lanes_agree_with_looking_at_every_task(steps: list[tuple[str, int]]) -> None:
    """add (also what is there, bumped or not, and taking turns), discard, hold, free: always the best ready task of a
    lane that is not held."""
    lanes, ready, held = Lanes(), {}, set()
    for verb, number in steps:
        task, lane = number % 10, ("x", "y", TURNS)[number % 3]
        if verb == "a":
            own = (None, "x", "y")[task % 3]
            rank = rank_of(Mode.MIXED, task // 4, task, (None, 5.0, 7.0)[number // 10])
            ready[task] = (rank, turns_of(own, number % 4))
            lanes.add(*ready[task])
        elif verb == "d":
            ready.pop(task, None)
            lanes.discard(task)
        elif verb == "h":
            held.add(lane)
            lanes.hold(lane)
        else:
            held.discard(lane)
            lanes.free(lane)
        assert lanes.first() == min((rank for rank, lane in ready.values() if lane not in held), default=None)
        assert len(lanes) == len(ready)


def leased(bench: Bench) -> list[str]:
    batch = bench.dispatch().batch
    called = [task for calls in batch.calls for task, _number in calls.members]
    return [*called, *(attempt.task for attempt in batch.attempts)]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("parallel", ["c", "a", "b", "d"]), ("mixed", ["c", "a", "d"]), ("serial", ["a"])],
)
def test_modes(mode: str, expected: list[str]) -> None:
    tasks = {"a": {"group": "g"}, "b": {"group": "g"}, "c": {"priority": 90}, "d": {"priority": 10}}
    assert leased(Bench(tasks, mode=mode, slots=9)) == expected


def test_serial_goes_in_file_order_and_a_retry_keeps_its_turn() -> None:
    bench = Bench({"a": {}, "b": {"priority": 99}}, mode="serial", slots=9, repo="/repo")
    key = bench.run()
    assert leased(bench) == []
    bench.end(key, OWN)
    assert leased(bench) == [], "a is first, and waits for its retry"
    bench.tick(after_s=1.0)
    bench.end(bench.run())
    assert leased(bench) == [], "a integrates"
    bench.take(bench.board.steer("cancel", "r", "a", bench.now))
    assert leased(bench) == [], "a may be on the target already"
    bench.take(bench.board.integrated(AttemptKey("r", "a", 2), WITHDRAWN, bench.now))
    assert leased(bench) == ["b"]


def test_a_group_is_held_until_the_work_is_on_the_target() -> None:
    bench = Bench({"a": {"group": "g"}, "b": {"group": "g"}}, slots=9, repo="/repo")
    key = bench.end(bench.run())
    assert leased(bench) == []
    bench.finish(key)
    assert leased(bench) == ["b"]


def test_integrating_fills_no_slot() -> None:
    bench = Bench({"a": {}, "b": {}}, repo="/repo")
    key = bench.run()
    assert leased(bench) == []
    bench.end(key)
    assert leased(bench) == ["b"]


@pytest.mark.parametrize(("limits", "expected"), [({"workers": 2}, 2), ({"settings": {"workers_total": 3}}, 3)])
def test_a_requirement_runs_at_most_so_many_tasks_at_once(limits: dict, expected: int) -> None:
    bench = Bench({name: {} for name in "abcde"}, slots=9, **limits)
    assert len(leased(bench)) == expected
    bench.end(AttemptKey("r", "a", 1), AttemptOutcome(ok=False, fault="released"))
    assert leased(bench) == ["a"]


def test_worktrees_that_wait_for_git_are_bounded() -> None:
    bench = Bench({name: {} for name in "abcde"}, slots=9, repo="/repo", settings={"worktrees_max": 2})
    assert leased(bench) == ["a", "b"]
    for name in "ab":
        bench.end(bench.run(AttemptKey("r", name, 1)))
    assert leased(bench) == []
    bench.take(bench.board.discarded(AttemptKey("r", "a", 1), bench.now))
    assert leased(bench) == [], "what integrates cannot be discarded"
    bench.finish(AttemptKey("r", "a", 1))
    assert leased(bench) == ["c"]


def test_the_higher_priority_and_then_the_older_requirement_goes_first() -> None:
    bench = Bench()
    for position, (name, priority) in enumerate([("old", 50), ("new", 50), ("urgent", 90)]):
        bench.submit(requirement({"a": {"priority": 100 - priority}}, id=name, priority=priority), position=position)
    bench.dispatch()
    for name in ("new", "old", "urgent"):
        bench.take(bench.board.analysed(name, bench.now))
    bench.take(bench.board.worker_up(W1, 9, bench.now))
    assert [attempt.requirement for attempt in bench.dispatch().batch.attempts] == ["urgent", "old", "new"]


def test_leases_are_spread_over_the_workers() -> None:
    bench = Bench({name: {} for name in "abcde"}, slots=2)
    bench.take(bench.board.worker_up(W2, 1, bench.now))
    bench.take(bench.board.worker_up(W3, 9, bench.now))
    workers = [attempt.worker for attempt in bench.dispatch().batch.attempts]
    assert workers == ["w/1", "w/2", "w/3", "w/1", "w/3"]


def test_a_callable_that_took_two_workers_down_runs_alone() -> None:
    """And after its siblings, each of which may be done while it takes down one worker after the other."""
    bench = Bench({"a": {"call": "m:f"}, "b": {}, "c": {"needs": ["b"]}, "d": {"needs": ["a"]}})
    lose_worker(bench, 2)
    (worker,) = bench.board._books.crew.slots
    bench.take(bench.board.worker_up(worker, 2, bench.now))
    assert leased(bench) == ["b"]
    bench.finish(bench.run(AttemptKey("r", "b", 1)))
    assert leased(bench) == ["c"]
    bench.finish(bench.run(AttemptKey("r", "c", 1)))
    assert leased(bench) == ["a"], "an idle worker, and nothing beside it"
    assert leased(bench) == []
    bench.end(AttemptKey("r", "a", 3))
    assert leased(bench) == ["d"]


@pytest.mark.parametrize(("mode", "bumps", "first"), [("mixed", [], "b"), ("serial", [], "a"), ("mixed", ["a"], "a")])
def test_one_that_took_workers_down_keeps_its_place_where_that_was_asked_for(
    mode: str, bumps: list[str], first: str
) -> None:
    bench = Bench({"a": {"call": "m:f"}, "b": {"call": "m:g"}}, mode=mode)
    lose_worker(bench, 2)
    if bumps:
        bench.take(bench.board.worker_up(W2, 1, bench.now))
    for task in bumps:
        bench.take(bench.board.steer("bump", "r", task, bench.now))
    assert bench.dispatch().batch.calls[0].task == first


@pytest.mark.parametrize(("workers_total", "workers", "first"), [(2, 2, "r"), (2, 1, "later"), (1, 1, "r")])
def test_what_took_workers_down_leaves_one_to_other_requirements(workers_total: int, workers: int, first: str) -> None:
    settings = {"call_deaths_before_alone": 1, "workers_total": workers_total}
    bench = Bench({"x": {"call": "m:f"}}, settings=settings)
    lose_worker(bench, 1)
    bench.submit(requirement({"a": {"call": "m:g"}}, id="later"), position=1)
    (last,) = bench.board._books.crew.slots
    bench.take(bench.board.worker_gone(last.path, last.incarnation, bench.now))
    for worker in (W2, W3)[:workers]:
        bench.take(bench.board.worker_up(worker, 1, bench.now))
    given = [batch.requirement for batch in bench.dispatch().batch.calls]
    assert given[0] == first and len(given) == workers


@pytest.mark.parametrize("watched", [{"stall_s": 9.0}, {"verify": "true"}])
def test_a_callable_that_is_watched_or_checked_by_itself_travels_with_no_other(watched: dict[str, object]) -> None:
    call = {"call": "some:thing"}
    bench = Bench({"a": call, "b": call, "c": {**call, **watched}, "d": call})
    opened = bench.board._books.open["r"]
    assert [name for name in "abcd" if opened.travels_in_batches(name)] == ["a", "b", "d"]
    assert opened.next_calls("a", 9, 10**6) == ["a", "b"]


def test_rows_are_taken_to_the_places_of_their_tasks() -> None:
    """A ledger that counts otherwise is no reason to lease another task than is meant."""
    bench = Bench({"a": {"priority": 1}, "b": {}, "c": {}}, slots=1)
    for key, at in {("r", "a"): 7, ("r", "b"): 0, ("r", "c"): 1}.items():
        bench.ledger.stored_tasks[key] = replace(bench.ledger.stored_tasks[key], position=at)
    bench.board = bench.ledger.board(2, bench.now, bench.settings)
    bench.epoch = 2
    bench.board.worker_up(W1, 3, bench.now)
    orders = bench.board.dispatch(bench.now)
    assert [each.task for each in orders.batch.attempts] == ["b", "c", "a"]

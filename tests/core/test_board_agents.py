"""Tasks of coding agents on a board: whom they wait for, who takes over, and whose folder they go on in."""

from __future__ import annotations

from typing import Any

import pytest
from board_bench import W1, Bench, requirement

from aidos_actors.core.agent_choice import AgentRules
from aidos_actors.core.errors import Conflict
from aidos_actors.core.orders import AgentEnd, AttemptKey, AttemptOutcome, Discard, Integration, Prepare, Start
from aidos_actors.core.states import RequirementState, TaskState
from aidos_actors.core.target_orders import Reversal, Sighting

RULES = {
    "fast": AgentRules(wait_s=10.0, wait_max_s=80.0, jitter_s=0.0),
    "spare": AgentRules(wait_s=10.0, wait_max_s=80.0, jitter_s=0.0),
    "shy": AgentRules(wait_s=10.0, wait_max_s=80.0, jitter_s=30.0, fallback=("spare",)),
}


def limit(resets_at: float | None = None, *, sound: bool = True, name: str = "fast") -> AttemptOutcome:
    end = AgentEnd(name, "s-1", 3, 0.5, resets_at, sound)
    return AttemptOutcome(False, 1, "the limit was reached", "agent", fault="limited", agent=end)


def bench(tasks: dict[str, Any], **more: Any) -> Bench:
    told = {name: {"agent": "fast", "retries": 1, **fields} for name, fields in tasks.items()}
    return Bench(told, settings={"agents": RULES}, repo="/repo", **more)


def own(*causes: str, turns: int = 1) -> AttemptOutcome:
    end = AgentEnd("fast", "s-1", turns, 0.1)
    return AttemptOutcome(False, 1, "no", "agent", fault="own", causes=causes or ("1",), agent=end)


def test_one_task_finds_out_and_all_others_of_the_agent_wait_with_it() -> None:
    found = bench({"a": {}, "b": {}, "c": {"agent": {"names": ["fast", "spare"]}}}, slots=1)
    found.end(found.run(), limit(found.now + 100.0))
    assert found.task("a").state is TaskState.WAITING_FOR_QUOTA
    found.dispatch()
    states = {name: found.task(name).state for name in "abc"}
    assert (states["b"], states["c"]) == (TaskState.WAITING_FOR_QUOTA, TaskState.LEASED)
    assert found.attempt(AttemptKey("r", "c", 1)).agent == "spare"
    assert {found.task(name).not_before_at for name in "ab"} == {200.0}
    assert found.board.explain("r", "b", found.now)[0].code == "quota"
    assert {each.own_failures + each.infra_faults for each in found.ledger.tasks.values()} == {0}


def test_while_it_waits_nothing_at_all_happens() -> None:
    """Zero work while nothing changes: no order, no row, no event, and no look before the moment that was named."""
    found = bench({"a": {}, "b": {}})
    found.end(found.run(), limit(found.now + 3600.0))
    found.dispatch()
    written = len(found.ledger.events)
    for _ in range(3000):
        found.now += 1.0
        assert found.board.next_due_at() == 3700.0
        for step in (found.board.tick(found.now), found.board.dispatch(found.now)):
            assert step.batch.is_empty and not step.orders
    assert len(found.ledger.events) == written


@pytest.mark.parametrize("is_restarted", [False, True])
def test_the_wait_ends_at_the_moment_that_was_named_and_the_work_goes_on(is_restarted: bool) -> None:
    found = bench({"a": {}})
    first = found.run()
    found.end(first, limit(found.now + 100.0))
    assert not [order for order in found.orders if isinstance(order, Discard)], "its work is kept"
    if is_restarted:
        found.now += 50.0
        found.restart()
        found.take(found.board.worker_up(W1, 1, found.now))
        assert found.task().state is TaskState.WAITING_FOR_QUOTA
    found.now = 199.9
    found.tick()
    assert found.dispatch().batch.is_empty
    found.now = 200.0
    found.tick()
    second = found.lease()
    (start,) = [order for order in found.orders if isinstance(order, Start)]
    assert not any(isinstance(order, Prepare) for order in found.orders)
    assert start.path == found.attempt(first).worktree and start.previous == ((7, 77),)
    assert start.agent is not None and (start.agent.goes_on, start.agent.is_same) == (1, True)
    found.take(found.board.minded(W1, second, 8, 80, found.now))
    assert found.attempt(first).worktree is None, "it has been handed over"
    found.finish(second)
    assert found.record().state is RequirementState.DONE
    assert found.ledger.agents["fast"].until_at is None and "agent_free" in found.events()
    assert found.task().own_failures == 0


def test_a_late_word_of_the_first_does_not_take_the_folder_from_the_second() -> None:
    found = bench({"a": {}})
    first = found.run()
    found.take(found.board.worker_gone(W1.path, W1.incarnation, found.now))
    after = type(W1)(W1.path, "life-2")
    found.take(found.board.worker_up(after, 1, found.now))
    second = found.lease()
    found.take(found.board.minded(after, second, 8, 80, found.now))
    found.take(found.board.ended(W1, first, own(), found.now))
    assert not [order for order in found.orders if isinstance(order, Discard)]


def test_waits_without_a_moment_grow_and_a_moment_that_is_over_does_not_make_it_ask_at_once() -> None:
    found = bench({"a": {}})
    spans = []
    for resets_at in (None, None, 50.0, None, None):
        found.end(found.run(), limit(resets_at))
        until_at = found.task().not_before_at
        assert until_at is not None
        spans.append(until_at - found.now)
        found.now = until_at
        found.tick()
    assert spans == [10.0, 20.0, 4.0, 80.0, 80.0]
    found.finish(found.run())
    assert found.ledger.agents["fast"].waits == 0


def test_tasks_wait_a_little_longer_each_by_its_own_chance() -> None:
    found = bench({name: {"agent": "shy"} for name in "abcdef"}, slots=1)
    for until in (160.0, 160.0):
        key = found.run()
        found.end(key, limit(until, name=found.attempt(key).agent or ""))
    found.tick()
    found.dispatch()
    moments = [found.task(name).not_before_at for name in "abcdef"]
    assert all(moment is not None and 160.0 <= moment <= 190.0 for moment in moments)
    assert len(set(moments)) == 6


def test_who_fails_too_often_is_relieved_and_the_task_has_its_retries_all_the_same() -> None:
    found = bench({"a": {"agent": {"names": ["fast", "spare"]}, "retries": 3}})
    agents = []
    for _ in range(4):
        key = found.run()
        agents.append(found.attempt(key).agent)
        found.end(key, own())
        found.discard()
        found.tick(1000.0)
    assert agents == ["fast", "fast", "spare", "spare"]
    assert found.task().state is TaskState.FAILED and found.record().state is RequirementState.FAILED
    assert not found.ledger.folded.attempts[key].worktree


@pytest.mark.parametrize(
    ("outcome", "is_kept"),
    [
        (own("verify"), True),
        (own("timeout"), True),
        (own("stall"), True),
        (own("loop"), False),
        (own("output_limit"), False),
        (limit(900.0, sound=False), False),
        (AttemptOutcome(False, None, "lost", "agent", fault="infra"), True),
        (AttemptOutcome(False, None, "drain", "agent", fault="released"), True),
    ],
)
def test_whose_folder_is_gone_on_in(outcome: AttemptOutcome, is_kept: bool) -> None:
    found = bench({"a": {"retries": 5}})
    key = found.run()
    found.end(key, outcome)
    assert (found.attempt(key).kept_at is not None) is is_kept
    assert any(isinstance(order, Discard) for order in found.orders) is not is_kept


def test_a_folder_in_which_nothing_comes_right_is_given_up() -> None:
    found = bench({"a": {"retries": 9}})
    fresh = []
    for _ in range(7):
        key = found.lease()
        fresh.append(any(isinstance(order, Prepare) for order in found.orders))
        if fresh[-1]:
            found.take(found.board.prepared(key, "head", "/repo", found.now))
        found.take(found.board.minded(W1, key, 7, 70, found.now))
        found.end(key, own())
        found.discard()
        found.tick(1000.0)
    assert fresh == [True, False, False, True, False, False, True]


def test_what_changed_nothing_has_failed_unless_nothing_need_change() -> None:
    unchanged = Integration(None, "integrated", is_unchanged=True)
    for changes, state in (("required", TaskState.FAILED), ("optional", TaskState.DONE)):
        found = bench({"a": {"agent": {"names": ["fast"], "changes": changes}, "retries": 0}})
        found.finish(found.run(), unchanged)
        assert found.task().state is state
    found = bench({"a": {"retries": 0}})
    found.finish(found.run(), Integration(None, "integrated"))
    assert found.task().state is TaskState.DONE, "others have done the same meanwhile"


def test_a_missing_program_is_a_failure_only_when_nobody_else_is_there() -> None:
    absent = AttemptOutcome(False, None, "not installed", "start", fault="absent")
    found = bench({"a": {"agent": {"names": ["fast", "spare"]}, "retries": 0}})
    found.end(found.run(), absent)
    found.tick()
    assert found.attempt(found.lease()).agent == "spare" and found.task().own_failures == 0
    found = bench({"a": {"retries": 0}})
    found.end(found.run(), absent)
    assert found.task().state is TaskState.FAILED


def test_a_clock_that_is_set_moves_the_wait_with_it() -> None:
    found = bench({"a": {}, "b": {"needs": ["a"]}})
    found.end(found.run(), limit(found.now + 100.0))
    found.take(found.board.clock_set(1000.0, found.now))
    assert found.ledger.agents["fast"].until_at == found.task().not_before_at == 1200.0


def test_who_asks_for_it_is_asked_again() -> None:
    found = bench({"a": {}})
    found.end(found.run(), limit(found.now + 100.0))
    found.take(found.board.steer("retry", "r", "a", found.now))
    assert found.ledger.agents["fast"].until_at is None
    assert found.lease().number == 2


@pytest.mark.parametrize("verb", ["cancel", "deadline"])
def test_a_task_that_ends_while_it_waits_leaves_nothing(verb: str) -> None:
    found = bench({"a": {}}, deadline_s=50.0)
    found.end(found.run(), limit(found.now + 100.0))
    if verb == "cancel":
        found.take(found.board.steer("cancel", "r", None, found.now))
    else:
        found.tick(60.0)
    found.discard()
    assert found.record().state in (RequirementState.CANCELLED, RequirementState.FAILED)
    assert not any(attempt.worktree for attempt in found.ledger.attempts.values())


def test_what_is_kept_of_a_task_that_will_never_run_again_is_discarded() -> None:
    """It was tried, and the task that it needs was taken back meanwhile for good."""
    tasks = {"a": {"retries": 0}, "b": {"agent": "fast", "needs": ["a"], "retries": 3}}
    found = Bench(tasks, settings={"agents": RULES}, repo="/repo", verify="pytest")
    found.finish(found.run())
    found.end(found.run(), own())
    key = AttemptKey("r", "a", 1)
    found.take(found.board.target_seen("r", Sighting("head", True, "c0ffee", key, "somebody", "red"), found.now))
    found.take(found.board.reverted(key, Reversal("fade"), found.now))
    assert found.task("b").state is TaskState.SKIPPED
    found.discard()
    assert not any(attempt.worktree for attempt in found.ledger.attempts.values())
    assert found.record().state is RequirementState.FAILED


def test_what_is_kept_leaves_room_for_others() -> None:
    names = [f"t{number}" for number in range(6)]
    found = Bench(
        {name: {"agent": "fast", "retries": 0} for name in names},
        settings={"agents": RULES, "worktrees_max": 4},
        repo="/repo",
    )
    for name in names:
        found.now += 1.0
        found.take(found.board.steer("bump", "r", name, found.now))
        found.end(found.run(), limit(found.now + 1.0))
        found.discard()
        found.dispatch()
        found.now = found.board.next_due_at() or 0.0
        found.tick()
    kept = [each for each in found.ledger.attempts.values() if each.kept_at is not None]
    assert len(kept) <= 2
    while found.record().state is RequirementState.RUNNING:
        key = found.lease()
        if found.attempt(key).base_commit is None:
            found.take(found.board.prepared(key, "head", "/repo", found.now))
        found.take(found.board.minded(W1, key, 7, 70, found.now))
        found.finish(key)
    assert found.record().state is RequirementState.DONE


def test_who_revises_what_waits_is_told_what_is_kept() -> None:
    found = bench({"a": {}})
    found.end(found.run(), limit(found.now + 100.0))
    found.take(found.board.steer("pause", "r", None, found.now))
    other = requirement({"a": {"run": "true"}}, repo="/repo")
    rows = list(found.ledger.tasks.values())
    with pytest.raises(Conflict, match="work is kept for the next attempt of a"):
        found.board.revise(
            other, base_commit="base", document=other.model_dump_json(), known=found.record(), tasks=rows, now=found.now
        )


def test_an_agent_that_nobody_configured_is_waited_for_and_said() -> None:
    found = bench({"a": {"agent": "unheard"}})
    found.dispatch()
    (reason,) = found.board.explain("r", "a", found.now)
    assert reason.code == "quota" and "unheard: it is not configured" in reason.text


def test_who_is_passed_over_is_said_with_the_reason() -> None:
    found = bench({"a": {"agent": {"names": ["unheard", "fast"]}}})
    assert found.attempt(found.lease()).agent == "fast"
    (event,) = [event for event in found.ledger.events if event.type == "agent_passed_over"]
    assert event.data == {"agent": "fast", "instead_of": {"unheard": "it is not configured"}}


def test_what_it_has_cost_is_not_forgotten_when_its_minder_keeps_dying() -> None:
    found = bench({"a": {"retries": 9}})
    found.end(found.run(), own())
    before = found.task().agents
    assert before is not None
    for _ in range(5):
        found.discard()
        found.tick(1000.0)
        found.end(found.run(), AttemptOutcome(False, None, "its minder died", "agent", fault="infra"))
    assert found.task().own_failures == 2 and found.task().agents == before

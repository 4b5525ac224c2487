"""Tasks of coding agents on a board: whom they wait for and for how long, and who takes over."""

from __future__ import annotations

import pytest
from agent_bench import bench, limit, own
from board_bench import W1
from board_doers import OWN

from aidos_actors.core.orders import AttemptKey, AttemptOutcome, Discard, Integration, Prepare, Start
from aidos_actors.core.states import RequirementState, TaskState

pytestmark = pytest.mark.usefixtures("form")


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


@pytest.mark.parametrize("set_by_s", [0.0, 1000.0])
def test_a_limit_ends_for_a_machine_that_sleeps(set_by_s: float) -> None:
    """And a retry or a deadline comes no sooner."""
    found = bench({"a": {}, "b": {"agent": None, "run": "false", "retry": {"delay_s": 100.0, "jitter": 0}}})
    found.end(found.run(), limit(found.now + 100.0))
    found.end(found.run(), OWN)
    waits = found.task("b").not_before_at
    found.take(found.board.clock_set(60.0 + set_by_s, found.now, 60.0))
    assert found.ledger.agents["fast"].until_at == found.task().not_before_at == 200.0 + set_by_s
    assert waits is not None and found.task("b").not_before_at == waits + 60.0 + set_by_s


def test_who_asks_for_it_is_asked_again() -> None:
    found = bench({"a": {}})
    found.end(found.run(), limit(found.now + 100.0))
    found.take(found.board.steer("retry", "r", "a", found.now))
    assert found.ledger.agents["fast"].until_at is None
    assert found.lease().number == 2


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

"""Kills in the middle of an agent's work and wait: the work goes on in its folder and session, the wait is kept."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.agents.bench import AgentPlace
from tests.system.conftest import eventually

TASK: dict[str, Any] = {"agent": "claude", "prompt": "Write a.txt", "retries": 0}


def state_of(place: AgentPlace, task: str = "a") -> str:
    return next(row["state"] for row in place.data("status", "work")["tasks"] if row["id"] == task)


@pytest.mark.parametrize("victim", ["worker", "scheduler", "guardian", "launcher"])
def test_a_kill_in_the_middle_of_its_work(place: AgentPlace, victim: str) -> None:
    """A worker's death takes the agent with it, and the next one resumes its session in the same folder. That of the
    Scheduler does not touch it. With the whole system all of it goes on likewise."""
    place.configure()
    place.plan("claude", "slow go", "work")
    run = place.begin("run", str(place.requirement({"a": TASK})), "--workers", "1")
    eventually(lambda: (place.state / "worktrees/work/a.1/a.txt").exists() and "claude new" in
               (place.state / "worktrees/work/a.1/a.txt").read_text())  # fmt: skip
    pids = place.pids()
    named = {"worker": "root/workers/worker-1", "scheduler": "root/scheduling/scheduler"}
    place.kill(pids[named.get(victim, victim)])
    if victim == "scheduler":
        eventually(lambda: len([e for e in place.journal() if e["type"] == "scheduler_started"]) > 1)
        eventually(lambda: place.event("attempt_adopted"))
        (place.bin / "go").touch()
    assert run.wait(120) == 0, place.said()
    calls = place.calls("claude")
    if victim == "scheduler":
        assert len(calls) == 1 and place.said_by("a") == "a\nclaude new 0"
    else:
        first, second = calls
        assert first["cwd"] == second["cwd"] and "--resume" in second["argv"]
        assert place.said_by("a") == "a\nclaude new 0\nclaude resumed 0"
    place.assert_laws("work", {"a"})
    place.assert_clean()


@pytest.mark.parametrize("victims", [("worker", "scheduler"), ("guardian", "everything")])
def test_a_wait_for_a_limit_outlives_whoever_is_killed(place: AgentPlace, victims: tuple[str, str]) -> None:
    """One task finds out, the other waits with it; the wait is on disk, uses up no retry, and ends when it was said."""
    place.configure()
    begun_at = time.time()
    place.plan("claude", "quota 20", "work", task="a")
    file = place.requirement({"a": {**TASK, "group": "g"}, "b": {**TASK, "prompt": "Write b.txt", "group": "g"}})
    run = place.begin("run", str(file), "--workers", "1")
    eventually(lambda: place.event("task_deferred", "a") and place.event("task_deferred", "b"))
    assert {state_of(place, task) for task in ("a", "b")} == {"waiting_for_quota"}
    told = place.data("explain", "work/b")["reasons"]
    assert told[0]["code"] == "quota" and "its usage limit was reached" in told[0]["text"]
    for victim in victims:
        before = place.journal()[-1]["seq"]
        if victim == "everything":
            place.kill(run.pid, *place.pids().values())
            run.wait()
            eventually(lambda: not place.marked())
            assert state_of(place) == "waiting_for_quota", "the ledger alone says so"
            run = place.begin("run", str(file), "--workers", "1")
        else:
            named = {"worker": "root/workers/worker-1", "scheduler": "root/scheduling/scheduler"}
            place.kill(place.pids()[named.get(victim, victim)])
        if victim != "worker":
            eventually(lambda before=before: place.event("scheduler_started", after_seq=before))
    assert run.wait(120) == 0, place.said()
    waits = [event["data"] for event in place.journal() if event["type"] == "agent_unusable"]
    assert len(waits) == 1, "only one task found out"
    second = [call for call in place.calls("claude") if call["task"] == "a"][1]
    started = [e for e in place.journal() if e["type"] == "attempt_started"]
    assert len(started) == 3 and "--resume" in second["argv"]
    assert waits[0]["until_at"] >= int(begun_at) + 20
    assert place.data("status", "work")["tasks"][0]["infra_faults"] == 0
    assert place.said_by("a") == "a\nclaude new 0\nclaude resumed 0"
    place.assert_laws("work", {"a", "b"})
    place.assert_clean()


def test_a_stop_hands_the_work_back_and_the_next_run_goes_on_in_it(place: AgentPlace) -> None:
    place.configure()
    place.plan("claude", "slow go", "work")
    file = place.requirement({"a": TASK})
    run = place.begin("run", str(file), "--drain", "0")
    written = place.state / "worktrees/work/a.1/a.txt"
    eventually(lambda: written.exists() and "claude new" in written.read_text())
    run.terminate()
    assert run.wait(60) == 143
    assert written.exists() and not place.marked()
    assert place.aidos("run", str(file)).returncode == 0
    assert place.said_by("a") == "a\nclaude new 0\nclaude resumed 0"
    assert place.data("status", "work")["tasks"][0]["infra_faults"] == 0
    place.assert_laws("work", {"a"})
    place.assert_clean()


def test_a_session_that_is_gone_is_no_failure(place: AgentPlace) -> None:
    place.configure()
    place.plan("claude", "quota 2", "work")
    file = place.requirement({"a": TASK})
    run = place.begin("run", str(file))
    eventually(lambda: place.event("task_deferred"))
    for session in (place.folder / "home").rglob("*.jsonl"):
        session.unlink()
    assert run.wait(60) == 0, place.said()
    assert [("--resume" in call["argv"]) for call in place.calls("claude")] == [False, True, False]
    assert place.data("status", "work")["tasks"][0]["attempts"] == 3


def test_what_is_kept_goes_with_its_task(place: AgentPlace) -> None:
    """Cancelled, paused and steered while it waits: nothing is left of it."""
    place.configure()
    place.plan("claude", "quota 3600", "work")
    place.data("submit", str(place.requirement({"a": TASK, "b": {"run": "echo > b.txt"}})))
    serve = place.begin("serve")
    eventually(lambda: place.is_up() and state_of(place) == "waiting_for_quota")
    assert (place.state / "worktrees/work/a.1/a.txt").exists()
    place.data("pause", "work/a")
    assert state_of(place) == "paused"
    place.data("resume", "work/a")
    assert state_of(place) == "waiting_for_quota"
    place.data("retry", "work/a")  # who asks for it may have bought more
    eventually(lambda: state_of(place) == "done")
    assert place.said_by("a") == "a\nclaude new 0\nclaude resumed 0"
    place.plan("claude", "quota 3600")
    place.data("submit", str(place.requirement({"c": TASK}, name="other")))
    eventually(lambda: place.data("status", "other")["tasks"][0]["state"] == "waiting_for_quota")
    place.data("cancel", "other")
    eventually(lambda: place.data("status", "other")["state"] == "cancelled")
    serve.terminate()
    assert serve.wait(30) == 0
    place.assert_clean()

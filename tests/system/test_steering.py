"""Steering a running system, a resting one, and one whose Scheduler has just been killed."""

from __future__ import annotations

from tests.system.conftest import Place, eventually


def codes(place: Place, task: str) -> list[str]:
    return [reason["code"] for reason in place.data("explain", task)["reasons"]]


def test_steering_a_running_system_and_its_scheduler_killed_between(place: Place) -> None:
    tasks = {
        "hold": {"run": f"while ! test -e {place.folder}/go; do sleep 0.05; done"},
        "broken": {"run": f"test -e {place.folder}/mended && echo b > b.txt", "retries": 0, "needs": ["hold"]},
        "after": {"run": "echo c > c.txt", "needs": ["broken"]},
        "first": {"run": "echo d > d.txt", "needs": ["hold"]},
    }
    file = place.requirement(tasks, workers=1)
    place.begin("serve", "--workers", "2")
    eventually(place.is_up)
    assert place.data("submit", str(file))["running"]
    eventually(lambda: place.event("attempt_started", "hold"))
    assert codes(place, "work/after") == ["needs", "workers"]
    assert codes(place, "work/hold") == ["running"]

    assert place.data("pause", "work")["state"] == "paused"
    place.kill(place.pids()["root/scheduling/scheduler"])
    assert place.data("bump", "work/first")["running"], "asked while it heals"
    (place.folder / "go").touch()
    eventually(lambda: place.event("task_done", "hold"))
    assert codes(place, "work/first") == ["requirement_paused"], "forgotten with the Scheduler that was told"
    assert not place.event("attempt_started", "first")
    assert place.data("resume", "work")["state"] == "running"
    eventually(lambda: place.event("requirement_failed"))
    order = [event["task"] for event in place.journal() if event["type"] == "attempt_started"]
    assert order == ["hold", "first", "broken"]
    states = {task["id"]: task["state"] for task in place.data("status", "work")["tasks"]}
    assert states == {"hold": "done", "first": "done", "broken": "failed", "after": "skipped"}

    assert place.aidos("pause", "work").returncode == 7
    assert place.aidos("retry", "work/after").returncode == 7
    assert place.aidos("retry", "work/nobody").returncode == 6 and place.aidos("retry", "nobody").returncode == 6
    (place.folder / "mended").touch()
    assert place.data("retry", "work")["state"] == "running"
    eventually(lambda: place.event("requirement_done"))
    place.kill(place.pids()["root/scheduling/scheduler"])
    assert place.data("retry", "work")["state"] == "done", "there is nothing to try again"
    place.assert_laws("work", {"broken", "after", "first"})


def test_steering_while_nothing_runs_holds_for_the_next_run(place: Place) -> None:
    tasks = {"a": {"run": "echo a > a1.txt"}, "b": {"run": "echo b > b1.txt", "needs": ["a"]}}
    file = place.requirement(tasks, mode="serial")
    assert not place.data("submit", str(file))["running"]
    assert codes(place, "work/b") == ["not_running", "requirement_not_planned"]
    assert place.data("pause", "work") | {"running": False} == place.data("pause", "work")
    assert place.data("status", "work")["state"] == "paused"
    run = place.begin("run", str(file))
    eventually(lambda: place.data("status", "work")["live"])
    assert place.data("status", "work")["state"] == "paused"
    assert place.data("resume", "work")["running"]
    assert run.wait(60) == 0, place.said()
    assert place.aidos("resume", "work").returncode == 7 and place.aidos("cancel", "work").returncode == 7
    assert codes(place, "work/b") == ["done"], "a start would not help it"
    place.assert_laws("work", {"a", "b"})
    place.assert_clean()


def test_a_run_of_what_is_paused_says_so_and_one_that_ended_how_it_goes_on(place: Place) -> None:
    file = place.requirement({"one": {"run": "true"}})
    place.here("submit", str(file))
    place.here("pause", "work")
    run = place.begin("run", str(file))
    eventually(lambda: "work: paused; `resume` lets it go on\n" in place.said())
    place.aidos("cancel", "work")
    assert run.wait(60) == 1
    assert f"again: aidos retry work --state {place.state}\n" in place.said()

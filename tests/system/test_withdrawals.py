"""Cancelled, or past its deadline, while its gate runs: the gate ends, and nothing of it is published."""

from __future__ import annotations

import signal
import time

import pytest

from tests.system.conftest import Place, eventually

AT_ONCE_S = 10.0  # a gate of an hour would run for an hour
SCHEDULER, GITOPS = "root/scheduling/scheduler", "root/delivery/gitops"


def endless_gate(place: Place, only_when: str = "true") -> str:
    """What judges for ever, with a daemon of its own, once ``only_when`` holds; both leave their pids."""
    began = f"echo $$ > {place.folder}/gate.pid; setsid sleep 600 & echo $! > {place.folder}/daemon.pid; exec sleep 600"
    return f"if {only_when}; then {began}; fi"


def is_gone(place: Place) -> bool:
    pids = {int((place.folder / f"{name}.pid").read_text()) for name in ("gate", "daemon")}
    return not pids.intersection(place.marked())


def gate_runs(place: Place) -> bool:
    return (place.folder / "daemon.pid").exists() and bool((place.folder / "daemon.pid").read_text().strip())


def commits(place: Place) -> list[str]:
    """The tasks on the target."""
    if not place.git("branch", "--list", "aidos/work"):
        return []
    return place.git("log", "--format=%(trailers:key=Aidos-Task,valueonly,separator=)", "main..aidos/work").split()


def states(place: Place) -> dict[str, str]:
    return {task["id"]: task["state"] for task in place.data("status", "work")["tasks"]}


@pytest.mark.parametrize("victim", [None, GITOPS, SCHEDULER])
def test_cancelled_while_its_gate_runs_it_ends_at_once_and_is_never_published(place: Place, victim: str | None) -> None:
    serve = place.begin("serve", "--workers", "1")
    eventually(place.is_up)
    place.data("submit", str(place.requirement({"a": {"run": "echo a > a1.txt"}}, verify=endless_gate(place))))
    eventually(lambda: gate_runs(place))
    pids, asked_at = place.pids(), time.monotonic()
    place.data("cancel", "work")
    if victim is not None:
        place.kill(pids[victim])
    eventually(lambda: place.event("requirement_cancelled"), AT_ONCE_S)
    assert time.monotonic() - asked_at < AT_ONCE_S
    assert is_gone(place) and commits(place) == []
    status = place.data("status", "work")
    assert (status["state"], status["commit"]) == ("cancelled", None) and states(place) == {"a": "cancelled"}
    assert place.data("cancel", "work")["state"] == "cancelled"
    assert place.data("db", "check")["sound"]
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0
    place.assert_clean()
    assert commits(place) == []


def test_past_its_deadline_while_its_gate_runs_it_has_failed_at_once(place: Place) -> None:
    file = place.requirement({"a": {"run": "echo a > a1.txt"}}, verify=endless_gate(place), deadline="6s")
    run = place.begin("run", str(file))
    eventually(lambda: gate_runs(place))
    assert run.wait(6 + AT_ONCE_S) == 8, place.said()
    assert is_gone(place) and commits(place) == []
    ended = place.event("requirement_failed")
    assert ended is not None and ended["data"]["error"] == "deadline: not finished within 6 s; 0 of 1 tasks were done"
    place.assert_clean()


def test_cancelled_when_all_have_died_it_ends_with_the_next_start_and_so_does_what_its_gate_left(place: Place) -> None:
    """The daemon has outlived its minder; the gate's folder and the intent of the row are still there."""
    place.begin("serve", "--workers", "1")
    eventually(place.is_up)
    place.data("submit", str(place.requirement({"a": {"run": "echo a > a1.txt"}}, verify=endless_gate(place))))
    eventually(lambda: gate_runs(place))
    daemon = int((place.folder / "daemon.pid").read_text())
    place.kill(*(pid for pid in place.marked() if pid != daemon))
    eventually(lambda: place.marked() in ([], [daemon]))
    assert place.data("cancel", "work")["state"] == "running" and states(place) == {"a": "withdrawing"}
    serve = place.begin("serve", "--workers", "1")
    eventually(lambda: place.event("requirement_cancelled"))
    assert is_gone(place) and commits(place) == []
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0
    place.assert_clean()


def test_a_drain_does_not_wait_for_a_gate_and_the_next_run_judges_again(place: Place) -> None:
    judges = endless_gate(place, f"! test -e {place.folder}/drained")
    run = place.begin("run", str(place.requirement({"a": {"run": "echo a > a1.txt"}}, verify=judges)))
    eventually(lambda: gate_runs(place))
    run.send_signal(signal.SIGTERM)
    assert run.wait(2 * AT_ONCE_S) == 143 and is_gone(place)
    assert states(place) == {"a": "integrating"} and commits(place) == []
    (place.folder / "drained").touch()
    assert place.begin("run", str(place.folder / "work.yaml")).wait(60) == 0, place.said()
    assert commits(place) == ["a"]


def test_of_two_that_are_judged_together_the_one_that_is_not_cancelled_is_published(place: Place) -> None:
    """The first gate lets nobody through until the two others wait for theirs; theirs judges for ever."""
    together = f"test -e b1.txt && test -e c1.txt && ! test -e {place.folder}/gate.pid"
    waits = f"while ! test -e {place.folder}/go; do sleep 0.05; done"
    tasks = {name: {"run": f"echo {name} > {name}1.txt", "retries": 0} for name in "abc"}
    tasks |= {name: {**tasks[name], "run": f"{waits}; {tasks[name]['run']}"} for name in "bc"}
    held = f"touch {place.folder}/go; while test -e {place.folder}/hold; do sleep 0.05; done"
    (place.folder / "hold").touch()
    place.begin("serve", "--workers", "3")
    eventually(place.is_up)
    file = place.requirement(tasks, verify=f"{endless_gate(place, together)}; {held}")
    place.data("submit", str(file))
    eventually(lambda: place.event("integration_started", "b") and place.event("integration_started", "c"))
    (place.folder / "hold").unlink()
    eventually(lambda: gate_runs(place))
    assert states(place) == {"a": "done", "b": "integrating", "c": "integrating"}
    assert place.data("cancel", "work/b")["tasks"][1]["state"] in ("withdrawing", "cancelled")
    eventually(lambda: place.event("requirement_failed"), 2 * AT_ONCE_S)
    assert states(place) == {"a": "done", "b": "cancelled", "c": "done"} and sorted(commits(place)) == ["a", "c"]
    assert is_gone(place)
    assert [task["attempts"] for task in place.data("status", "work")["tasks"]] == [1, 1, 1]
    place.assert_laws("work", {"a", "c"})

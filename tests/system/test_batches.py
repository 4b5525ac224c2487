"""Callables that travel in batches, for real: one waits, hangs, or takes its worker down, and the others go on."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import Place, eventually

COUNT = 240
ODD = "t120"
JOBS = """
import os, time
def work(name, folder, odd, how):
    with open(f"{folder}/seen", "a") as file:
        file.write(f"{name} {os.getpid()}\\n")
    if name != odd or how == "quick":
        return name
    if how == "dies":
        os.kill(os.getpid(), 9)
    if how == "breaks":  # it returns, and its worker dies of it a moment later
        os.closerange(3, 4096)
        return name
    while not os.path.exists(f"{folder}/go"):
        time.sleep(0.01)
    return name
"""


class Calls:
    """``COUNT`` callables, of which one is odd."""

    def __init__(self, place: Place, how: str, **of_the_odd: Any) -> None:
        self.place = place
        (place.folder / "lib").mkdir()
        (place.folder / "lib" / "jobs.py").write_text(JOBS)
        tasks = {}
        for number in range(COUNT):
            name = f"t{number}"
            args = {"name": name, "folder": str(place.folder), "odd": ODD, "how": how}
            tasks[name] = {"call": "jobs:work", "args": args, "retries": 0, **(of_the_odd if name == ODD else {})}
        file = place.folder / "calls.yaml"
        file.write_text(json.dumps({"id": "calls", "tasks": tasks}))
        self.run = place.begin("run", str(file), "--workers", "2", PYTHONPATH=str(place.folder / "lib"))

    def events(self, kind: str, task: str | None = None) -> list[dict[str, Any]]:
        return [e for e in self.place.journal() if e["type"] == kind and task in (None, e["task"])]

    def seen(self) -> Counter[str]:
        """How often each was called."""
        return Counter(name for name, _ in self._lines())

    def called_in(self, task: str) -> int:
        """The process of the worker that called ``task`` last."""
        return [int(pid) for name, pid in self._lines() if name == task][-1]

    def _lines(self) -> list[list[str]]:
        return [line.split() for line in (self.place.folder / "seen").read_text().splitlines()]

    def odd_is_called(self) -> dict[str, Any]:
        """The event of its newest start, once the callable itself runs."""
        seen = self.place.folder / "seen"
        eventually(lambda: seen.exists() and ODD in self.seen())
        return self.events("attempt_started", ODD)[-1]

    def go(self) -> None:
        (self.place.folder / "go").touch()

    def tasks(self) -> dict[str, dict[str, Any]]:
        return {task["id"]: task for task in self.place.data("status", "calls")["tasks"]}

    def end(self, code: int = 0) -> dict[str, dict[str, Any]]:
        """The tasks when all is over, after what holds whatever happened."""
        assert self.run.wait(90) == code, self.place.said()
        journal = self.place.journal()
        assert [event["seq"] for event in journal] == list(range(1, len(journal) + 1))
        done = Counter(event["task"] for event in journal if event["type"] == "task_done")
        assert set(done.values()) == {1} and len(done) == COUNT - (code != 0)
        eventually(lambda: not self.place.marked(), 10.0)
        assert not list((self.place.state / "worktrees").glob("*"))
        return self.tasks()


def others(tasks: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [task for name, task in tasks.items() if name != ODD]


def test_many_are_called_once_each_and_few_messages_carry_them(place: Place) -> None:
    calls = Calls(place, "quick")
    tasks = calls.end()
    assert {task["infra_faults"] for task in tasks.values()} == {0}
    lost = [event for event in calls.events("attempt_ended") if event["data"]["fault"] != "none"]
    assert not lost, "given back, on a busy machine, is the only thing that may have happened"
    assert set(calls.seen().values()) == {1} and len(calls.seen()) == COUNT
    moments = {event["at"] for event in calls.events("attempt_started")}
    assert len(moments) < COUNT / 4, "leased one by one"


def test_one_that_takes_long_holds_up_no_other(place: Place) -> None:
    calls = Calls(place, "waits")
    calls.odd_is_called()
    eventually(lambda: len(calls.events("task_done")) == COUNT - 1)
    assert calls.tasks()[ODD]["state"] == "running"
    calls.go()
    tasks = calls.end()
    assert set(calls.seen().values()) == {1}, "what was given back had not begun"
    assert {task["infra_faults"] for task in tasks.values()} == {0}


def test_one_that_does_not_return_in_time_fails_alone(place: Place) -> None:
    calls = Calls(place, "waits", timeout="500ms")
    calls.odd_is_called()
    worker = calls.called_in(ODD)  # from what it wrote: half a second later there may be no system left to ask
    tasks = calls.end(1)
    assert tasks[ODD]["state"] == "failed" and "time limit of 0.5 s" in tasks[ODD]["error"]
    assert {(task["state"], task["infra_faults"]) for task in others(tasks)} == {("done", 0)}
    assert {name for name, count in calls.seen().items() if count > 1} == set()
    assert not Path(f"/proc/{worker}").exists()


def test_a_worker_that_is_killed_costs_only_the_one_it_had_begun(place: Place) -> None:
    calls = Calls(place, "waits")
    worker = calls.odd_is_called()["data"]["worker"]
    place.kill(place.pids()[worker])
    eventually(lambda: calls.events("attempt_lost", ODD))
    calls.go()
    tasks = calls.end()
    assert (tasks[ODD]["attempts"], tasks[ODD]["infra_faults"]) == (2, 1)
    assert {task["infra_faults"] for task in others(tasks)} == {0}
    untold = {event["task"] for event in calls.events("attempt_released")}  # called, perhaps, but nobody heard of it
    assert {name for name, count in calls.seen().items() if count > 1} <= {ODD, *untold}


def test_a_scheduler_that_is_killed_finds_what_is_being_called(place: Place) -> None:
    calls = Calls(place, "waits")
    calls.odd_is_called()
    place.kill(place.pids()["root/scheduling/scheduler"])
    eventually(lambda: calls.events("attempt_adopted", ODD))
    calls.go()
    tasks = calls.end()
    assert (tasks[ODD]["attempts"], tasks[ODD]["infra_faults"]) == (1, 0)
    assert set(calls.seen().values()) == {1}


@pytest.mark.slow
def test_one_that_kills_its_worker_runs_alone_at_last_and_fails_at_the_fifth(place: Place) -> None:
    calls = Calls(place, "dies")
    tasks = calls.end(1)
    assert tasks[ODD]["state"] == "failed" and "5 times in a row" in tasks[ODD]["error"]
    assert {(task["state"], task["infra_faults"]) for task in others(tasks)} == {("done", 0)}
    assert calls.seen()[ODD] == 5


def test_one_whose_worker_dies_of_it_after_it_has_returned_fails_by_itself_at_the_fifth_time(place: Place) -> None:
    calls = Calls(place, "breaks")
    tasks = calls.end(1)
    assert tasks[ODD]["state"] == "failed" and "5 times in a row" in tasks[ODD]["error"], tasks[ODD]
    unheard = [each for each in calls.events("attempt_released", ODD) if each["data"].get("error")]
    assert len(calls.events("attempt_lost", ODD)) + len(unheard) == 5, "the last of them alone"
    assert {task["state"] for task in others(tasks)} == {"done"}

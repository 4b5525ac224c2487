"""Callables that take every worker down with them, before hundreds that are well."""

from __future__ import annotations

import signal

from aidos_actors.actors.delivery_watch import BACK_LIMIT_S
from tests.system.conftest import Place, eventually

JOBS = """
import os

def dies():
    os._exit(3)

def becomes_another():
    os.execv("/bin/sleep", ["sleep", "771"])

def gives(it):
    return it
"""
POISON, WELL = 3, 300


def test_those_that_are_well_are_done_while_those_that_kill_workers_wait(place: Place) -> None:
    (place.folder / "jobs.py").write_text(JOBS)
    tasks = {f"p{n}": {"call": "jobs:dies", "retries": 0} for n in range(POISON)}
    tasks |= {f"w{n}": {"call": "jobs:gives", "args": {"it": n}, "retries": 0} for n in range(WELL)}
    run = place.begin("run", str(place.requirement(tasks, repo=None)), "--workers", "2", PYTHONPATH=str(place.folder))
    assert run.wait(90) == 1, place.said()
    found = {task["id"]: task for task in place.data("status", "work")["tasks"]}
    assert {(found[f"w{n}"]["state"], found[f"w{n}"]["infra_faults"]) for n in range(WELL)} == {("done", 0)}
    assert {(found[f"p{n}"]["state"], found[f"p{n}"]["attempts"]) for n in range(POISON)} == {("failed", 5)}
    journal = place.journal()
    last_done = max(event["seq"] for event in journal if event["type"] == "task_done")
    alone = [event["seq"] for event in journal if event["type"] == "attempt_started" and event["attempt"] > 2]
    assert last_done < min(alone), "each has died twice by then, and is called alone from there on"
    place.assert_clean()


def test_one_that_puts_another_program_in_the_place_of_its_worker_is_ended_with_it(place: Place) -> None:
    """The process lives, and nobody in it knows of any time limit."""
    (place.folder / "jobs.py").write_text(JOBS)
    file = place.requirement({"odd": {"call": "jobs:becomes_another"}}, repo=None)
    run = place.begin("run", str(file), "--workers", "1", "--drain", "1", PYTHONPATH=str(place.folder))
    eventually(lambda: place.event("attempt_started", "odd"))
    before = place.pids()["root/workers/worker-1"]
    eventually(lambda: place.event("attempt_lost", "odd"), 6 * BACK_LIMIT_S)
    assert place.pids()["root/workers/worker-1"] != before
    run.send_signal(signal.SIGTERM)
    assert run.wait(90) == 143, place.said()

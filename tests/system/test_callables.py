"""Callables that are called alone, for real: watched for stalling."""

from __future__ import annotations

from tests.system.conftest import Place

JOBS = """
import time

def waits(context, steps):
    for step in range(context.last_checkpoint or 0, steps):
        context.checkpoint(step + 1)
        time.sleep(0.2)
    if steps < 9:
        time.sleep(900)
"""


def test_a_callable_without_a_checkpoint_for_too_long_fails_and_takes_only_its_worker_along(place: Place) -> None:
    (place.folder / "jobs.py").write_text(JOBS)
    walk = {"call": "jobs:waits", "stall": "2s", "retries": 9, "retry": {"on": {"stall": {"retries": 0}}}}
    tasks = {"slow": {**walk, "args": {"steps": 15}}, "silent": {**walk, "args": {"steps": 2}}}
    tasks |= {f"other-{n}": {"call": "platform:machine", "retries": 0} for n in range(20)}
    run = place.begin("run", str(place.requirement(tasks, repo=None)), "--workers", "2", PYTHONPATH=str(place.folder))
    assert run.wait(90) == 1, place.said()
    found = {task["id"]: task for task in place.data("status", "work")["tasks"]}
    silent = found.pop("silent")
    assert (silent["state"], silent["attempts"]) == ("failed", 1) and "no checkpoint for 2 s" in silent["error"]
    assert {(task["state"], task["infra_faults"]) for task in found.values()} == {("done", 0)}
    place.assert_clean()

"""Every steering verb, asked while Scheduler and worker die, and asked again: it has happened once, and stays so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.system.conftest import Place, eventually

SCHEDULER, WORKER = "root/scheduling/scheduler", "root/workers/worker-1"


def answered(place: Place, *words: str) -> dict[str, Any] | None:
    """The verb's data; None when it is to be repeated, because the system heals."""
    done = place.here(*words, "--json")
    if done.returncode in (4, 75):
        return None
    found = json.loads(done.stdout)
    assert found["ok"], found
    return dict(found["data"])


def insist(place: Place, *words: str) -> dict[str, Any]:
    """As ``answered``, repeated until there is an answer."""
    return dict(eventually(lambda: answered(place, *words), 120.0))


def steer(place: Place, verb: str, name: str, *victims: str) -> dict[str, Any]:
    """``victims`` have just been killed when it is asked; then the Scheduler dies once more, and it is asked again."""
    pids = eventually(lambda: alive(place, *victims, SCHEDULER), 120.0)
    place.kill(*(pids[victim] for victim in victims))
    first = insist(place, verb, name)
    place.kill(eventually(lambda: alive(place, SCHEDULER), 120.0)[SCHEDULER])
    second = insist(place, verb, name)
    assert verb == "retry" or first["state"] == second["state"], (verb, first, second)
    return second


def alive(place: Place, *names: str) -> dict[str, int]:
    """The pids, when all of them run."""
    if not place.is_up():
        return {}
    pids = place.pids()
    return pids if all(pids.get(name) for name in names) else {}


def count(place: Place, kind: str) -> int:
    return sum(event["type"] == kind for event in place.journal())


@pytest.mark.timeout(600)
def test_steering_survives_the_deaths_of_scheduler_and_worker(place: Place) -> None:
    waits = f"while ! test -e {place.folder}/go; do sleep 0.05; done; "
    tasks = {
        "held": {"run": waits + "echo 1 > held.txt"},
        "broken": {"run": f"test -e {place.folder}/mended && echo 2 > broken.txt", "retries": 0, "needs": ["held"]},
        "after": {"run": "echo 3 > after.txt", "needs": ["broken"]},
        "unwanted": {"run": "echo 4 > unwanted.txt", "needs": ["held"]},
        "last": {"run": "echo 5 > last.txt", "needs": ["held"]},
    }
    place.data("submit", str(place.requirement(tasks, workers=1)))
    place.begin("serve", "--workers", "1")
    eventually(lambda: place.event("attempt_started", "held"), 120.0)

    assert steer(place, "pause", "work", SCHEDULER, WORKER)["state"] == "paused"
    leases = count(place, "attempt_leased")
    steer(place, "bump", "work/last", SCHEDULER)
    steer(place, "cancel", "work/unwanted", WORKER)
    assert count(place, "attempt_leased") == leases, "something started while it was paused"
    assert steer(place, "resume", "work", SCHEDULER, WORKER)["state"] == "running"
    (place.folder / "go").touch()
    eventually(lambda: place.event("requirement_failed"), 120.0)

    (place.folder / "mended").touch()
    steer(place, "retry", "work", SCHEDULER)
    eventually(lambda: place.event("task_done", "after"), 120.0)
    status = insist(place, "status", "work")
    states = {task["id"]: task["state"] for task in status["tasks"]}
    assert states == dict.fromkeys(tasks, "done"), "a retry of the requirement takes a cancelled task up again"
    for kind in ("requirement_paused", "requirement_resumed", "task_cancelled", "requirement_retried"):
        assert count(place, kind) == 1, f"{kind} happened more than once"
    started = [event["task"] for event in place.journal() if event["type"] == "attempt_started"]
    assert started.index("last") < started.index("broken"), "what was bumped goes first"
    place.assert_laws("work", {"held", "broken", "after", "unwanted", "last"})

"""Every process of a run stopped at once for a while, as in a paused container, and continued one after the other.

Nobody was ill: nothing is ended, replaced or tried again. ``ALL_STOPPED=40`` stops more often; the seed is printed.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import threading

from supervisors.linux import descendants, start_ticks, state_of
from tests.system.conftest import Place, eventually

ROUNDS = int(os.environ.get("ALL_STOPPED", "2"))
SEED = int(os.environ.get("ALL_STOPPED_SEED", "7"))
STOPPED_S = (4.0, float(os.environ.get("ALL_STOPPED_S", "6")))
BETWEEN_S = (1.0, 3.0)
GAP_S = 0.05
TASKS_EACH_ROUND = 4
JOBS = """
import time

def saves(context):
    for step in range(12):
        context.checkpoint(step)
        time.sleep(0.5)

def waits():
    time.sleep(0.2)
"""
HEALTHY = {"scheduler_started": 1, "attempt_lost": 0, "task_failed": 0, "task_returned": 0}


def tasks(rounds: int) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    prints = "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo $n; sleep 0.5; done; echo > $AIDOS_TASK"
    for number in range(TASKS_EACH_ROUND * rounds):
        found[f"call-{number}"] = {"call": "jobs:saves", "stall": "3s", "retries": 0}
        found[f"run-{number}"] = {"run": prints, "stall": "3s", "retries": 0}
        found[f"batch-{number}"] = {"call": "jobs:waits", "retries": 0}
        found[f"short-{number}"] = {"run": "echo > $AIDOS_TASK", "verify": "sleep 0.2", "retries": 0}
    return found


def send(pid: int, signum: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signum)


def stop_all(run: subprocess.Popen[str], chance: random.Random) -> list[int]:
    """Who was stopped: all, also those that are forked meanwhile."""
    while True:
        everybody = [run.pid, *descendants(run.pid)]
        chance.shuffle(everybody)
        left = [pid for pid in everybody if state_of(pid) not in ("", "T", "Z", "X")]
        if not left:
            return everybody
        for pid in left:
            send(pid, signal.SIGSTOP)


def test_who_is_stopped_with_all_others_is_well_when_all_go_on(place: Place) -> None:
    (place.folder / "jobs.py").write_text(JOBS)
    file = place.requirement(tasks(ROUNDS), verify="sleep 0.2")
    path = os.pathsep.join(filter(None, (str(place.folder), os.environ.get("PYTHONPATH"))))
    run = place.begin("run", str(file), "--workers", "3", PYTHONPATH=path)
    chance, moment = random.Random(SEED), threading.Event()
    print(f"seed {SEED}")
    eventually(lambda: place.event("attempt_started"))
    before = {name: (pid, start_ticks(pid)) for name, pid in place.pids().items()}
    for _ in range(ROUNDS):
        moment.wait(chance.uniform(*BETWEEN_S))
        assert run.poll() is None, "all was done before all was stopped"
        stopped = stop_all(run, chance)
        moment.wait(chance.uniform(*STOPPED_S))
        gap_s = chance.choice((0.0, GAP_S))
        chance.shuffle(stopped)
        for pid in stopped:
            send(pid, signal.SIGCONT)
            moment.wait(chance.uniform(0.0, gap_s))
    moment.wait(3.0)  # by then who seemed hung would have been ended
    assert {name: (pid, start_ticks(pid)) for name, pid in place.pids().items()} == before
    assert run.wait(600) == 0, place.said()
    seen = [event["type"] for event in place.journal()]
    assert {kind: seen.count(kind) for kind in HEALTHY} == HEALTHY
    place.assert_laws("work", {name for name in tasks(ROUNDS) if name.startswith(("run", "short"))})
    place.assert_clean()

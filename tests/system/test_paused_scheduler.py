"""A real Scheduler stopped by SIGSTOP at a random moment and continued at another, before or after it was replaced.

``make paused`` has 200 trials, here are a few. The seed is printed.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading

import pytest

import aidos_actors.tree
from aidos_actors import Runtime
from chaos.facts import Evidence
from chaos.journal import read_journal
from chaos.laws import judge
from chaos.witness import git_facts
from supervisors import Backoff, SupervisorError
from supervisors.linux import start_ticks
from tests.system.conftest import Place, eventually

TRIALS = int(os.environ.get("PAUSED_REAL", "4"))
SEED = int(os.environ.get("PAUSED_SEED", "7"))
HEARTBEAT_S = 1.0  # it is replaced when it was stopped for two; with its own heartbeat that would take 5 s
PAUSE_S = (0.0, 2 * 2 * HEARTBEAT_S)
BETWEEN_S = (0.0, 0.5)
TASKS = 24
BACKOFF = Backoff(initial_s=0.05, max_s=1.0)  # so many replacements in a row would wait half a minute for each


def scheduler_pid(runtime: Runtime) -> int | None:
    with contextlib.suppress(SupervisorError):
        return runtime.tree.which_children("root/scheduling")[0].pid
    return None


def pause(runtime: Runtime, chance: random.Random, moment: threading.Event, *, is_long: bool) -> bool:
    """One trial: continued at a random moment, or not before its supervisor has replaced it. Whether it was."""
    pid = eventually(lambda: scheduler_pid(runtime))
    started = start_ticks(pid)
    moment.wait(chance.uniform(*BETWEEN_S))
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    if is_long:
        eventually(lambda: start_ticks(pid) != started)
    else:
        moment.wait(chance.uniform(*PAUSE_S))
    is_there = start_ticks(pid) == started
    if is_there:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    return not is_there


@pytest.mark.chaos
def test_a_stopped_scheduler_changes_nothing_when_it_goes_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aidos_actors.tree, "LEDGER_HEARTBEAT_S", HEARTBEAT_S)
    monkeypatch.setattr(aidos_actors.tree, "BACKOFF", BACKOFF)
    chance, moment = random.Random(SEED), threading.Event()
    base, replaced, done = place.git("rev-parse", "main"), 0, 0
    names: list[str] = []
    with Runtime(place.state, workers=2) as runtime:
        while done < TRIALS:
            names.append(f"work-{len(names) + 1}")
            tasks = {f"t{number}": {"run": "echo $AIDOS_TASK > $AIDOS_TASK.txt"} for number in range(TASKS)}
            runtime.submit(place.requirement(tasks, name=names[-1]))
            while done < TRIALS and runtime.status(names[-1]).state != "done":
                replaced += pause(runtime, chance, moment, is_long=done % 2 == 1)
                done += 1
            assert runtime.wait(names[-1], 300.0).state == "done"
        states = {name: runtime.status(name).data for name in names}
    events = tuple(read_journal(place.state))
    for name in names:
        changing = frozenset(f"t{number}" for number in range(TASKS))
        facts = git_facts(str(place.repo), f"aidos/{name}", base, [str(place.repo)])
        evidence = Evidence(requirement=name, events=events, status=states[name], git=facts, changing=changing)
        assert not judge(evidence), f"seed {SEED}"
    epochs = sum(event["type"] == "scheduler_started" for event in events)
    print(
        f"seed {SEED}: {done} pauses, {replaced} of them longer than its supervisor waits, {epochs} epochs, laws hold"
    )
    assert epochs > replaced >= done // 2
    place.assert_clean()

"""Callables for real: watched for stalling, and sent into no other repository."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.system.conftest import Place, eventually

JOBS = """
import os, re, signal, subprocess, sys, threading, time

def gives(it):
    return it

def never_lets_go():
    re.match("(a+)+$", "a" * 60 + "b")

def prints():
    print("to everybody")
    print("of errors", file=sys.stderr)
    sys.stdout.buffer.write(b"bytes\\n")
    subprocess.run(["echo", "of a program"], check=True)
    threading.Thread(target=print, args=("of a thread",)).start()
    time.sleep(0.3)
    return 1

def sets_an_alarm():
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    time.sleep(0.6)

def handles_an_alarm():
    signal.signal(signal.SIGALRM, print)

def leaves_an_alarm():
    signal.alarm(1)

def forks_who_sets_an_alarm():
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        time.sleep(60)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def nested():
    found = []
    for _ in range(940):
        found = [found]
    return found

def half_a_character():
    return chr(0xd800)

def git_names():
    return sorted(name for name in os.environ if name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_SSH_COMMAND"))

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


def test_a_callable_is_not_silent_while_its_worker_is_stopped(place: Place) -> None:
    (place.folder / "jobs.py").write_text(JOBS)
    tasks = {"slow": {"call": "jobs:waits", "args": {"steps": 25}, "stall": "2s", "retries": 0}}
    path = os.pathsep.join(filter(None, (str(place.folder), os.environ.get("PYTHONPATH"))))
    run = place.begin("run", str(place.requirement(tasks, repo=None)), "--workers", "1", PYTHONPATH=path)
    eventually(lambda: place.event("attempt_started", "slow"))
    [worker] = [pid for name, pid in place.pids().items() if name.startswith("root/workers/")]
    for _ in range(2):
        time.sleep(0.7)
        os.kill(worker, signal.SIGSTOP)
        time.sleep(3.0)  # for longer than the stall, and no longer than its supervisor allows
        os.kill(worker, signal.SIGCONT)
    assert run.wait(60) == 0, place.said()
    [slow] = place.data("status", "work")["tasks"]
    assert (slow["attempts"], slow["infra_faults"]) == (1, 0)
    place.assert_clean()


def test_a_callable_of_a_runtime_started_by_a_git_hook_is_not_sent_into_that_repository(place: Place) -> None:
    (place.folder / "jobs.py").write_text(JOBS)
    tasks = {"alone": {"call": "jobs:git_names", "verify": "true"}, "in-a-batch": {"call": "jobs:git_names"}}
    hook = {"GIT_DIR": "/nowhere", "GIT_INDEX_FILE": "/nowhere/index", "GIT_SSH_COMMAND": "ssh"}
    run = place.begin("run", str(place.requirement(tasks, repo=None)), PYTHONPATH=str(place.folder), **hook)
    assert run.wait(90) == 0, place.said()
    for task in tasks:
        assert place.data("output", f"work/{task}")["result"] == ["GIT_SSH_COMMAND"]
    place.assert_clean()


def test_what_callables_return_is_told_while_they_run_and_after(place: Place) -> None:
    (place.folder / "jobs.py").write_text(JOBS)
    odd = {"text": "磁", "numbers": [1.5, None, True]}
    tasks = {
        "odd": {"call": "jobs:gives", "args": {"it": odd}},
        "half": {"call": "jobs:half_a_character"},
        "nothing": {"call": "jobs:gives", "args": {"it": None}},
        "deep": {"call": "jobs:nested"},
        "command": {"run": "echo said"},
        "large": {"run": "seq 1 2700000"},
        "slow": {"call": "jobs:waits", "args": {"steps": 2}},
    }
    words = (str(place.requirement(tasks, repo=None)), "--workers", "1", "--drain", "0.1")
    run = place.begin("run", *words, PYTHONPATH=str(place.folder))
    eventually(lambda: place.event("attempt_started", "slow"))
    assert place.data("output", "work/odd")["result"] == odd
    assert place.data("output", "work/slow")["result"] is None
    scheduler = place.pids()["root/scheduling/scheduler"]
    assert place.aidos("output", "work/deep").stdout.strip() == "[" * 941 + "]" * 941
    assert place.pids()["root/scheduling/scheduler"] == scheduler, "an answer ends nobody"
    run.terminate()
    run.wait(60)
    assert not place.is_up()
    assert place.data("output", "work/odd") == {"task": "work/odd", "attempt": 1, "output": "", "result": odd}
    assert place.data("output", "work/half")["result"] == "\ud800"
    assert json.loads(place.here("output", "work/odd").stdout) == odd
    assert [place.data("output", f"work/{name}")["result"] for name in ("nothing", "command", "slow")] == [None] * 3
    assert place.here("output", "work/command").stdout == "said\n"
    large = place.here("output", "work/large").stdout
    assert large.startswith("1\n2\n") and large.endswith("\n2700000\n"), "all of it"
    assert place.data("output", "work/large")["left_out_bytes"] == len(large) - 16 * 1024 * 1024


@pytest.mark.parametrize("verify", [None, "true"], ids=["in a batch", "alone"])
def test_a_callable_that_lets_no_other_thread_run_fails_at_its_time_limit(place: Place, verify: str | None) -> None:
    """Nothing in Python can act beside it: its process is ended by the kernel, and says where it stood."""
    (place.folder / "jobs.py").write_text(JOBS)
    bad = {"call": "jobs:never_lets_go", "timeout": "2s", "retries": 1, "retry": {"delay": "100ms"}, "verify": verify}
    tasks = {"bad": bad} | {f"t{n}": {"call": "jobs:gives", "args": {"it": n}, "retries": 0} for n in range(50)}
    run = place.begin("run", str(place.requirement(tasks, repo=None)), "--workers", "1", PYTHONPATH=str(place.folder))
    assert run.wait(60) == 1, place.said()
    found = {task["id"]: task for task in place.data("status", "work")["tasks"]}
    bad = found.pop("bad")
    assert (bad["state"], bad["attempts"], bad["infra_faults"]) == ("failed", 2, 0), bad
    assert "time limit of 2 s" in bad["error"], bad["error"]
    assert "jobs.py" in bad["error"] or "re/" in bad["error"], bad["error"]
    assert {(task["state"], task["infra_faults"]) for task in found.values()} == {("done", 0)}
    place.assert_clean()


@pytest.mark.parametrize("verify", [None, "true"], ids=["in a batch", "alone"])
def test_a_callable_that_lets_no_other_thread_run_can_be_cancelled(place: Place, verify: str | None) -> None:
    (place.folder / "jobs.py").write_text(JOBS)
    tasks = {"bad": {"call": "jobs:never_lets_go", "verify": verify}, "good": {"call": "jobs:git_names"}}
    run = place.begin("run", str(place.requirement(tasks, repo=None)), "--workers", "1", PYTHONPATH=str(place.folder))
    eventually(lambda: place.event("attempt_started", "bad"))
    assert json.loads(place.aidos("cancel", "work/bad", "--json").stdout)["ok"]
    assert run.wait(60) == 1, place.said()
    states = {task["id"]: (task["state"], task["infra_faults"]) for task in place.data("status", "work")["tasks"]}
    assert states == {"bad": ("cancelled", 0), "good": ("done", 0)}
    place.assert_clean()


@pytest.mark.parametrize("verify", [None, "true"], ids=["in a batch", "alone"])
def test_what_a_callable_prints_is_its_output_and_not_that_of_the_runtime(place: Place, verify: str | None) -> None:
    (place.folder / "jobs.py").write_text(JOBS)
    tasks = {"said": {"call": "jobs:prints", "verify": verify}, "mute": {"call": "jobs:gives", "args": {"it": 1}}}
    words = [sys.executable, "-m", "aidos_actors", "run", str(place.requirement(tasks, repo=None)), "--json"]
    env = {**place.environment(), "PYTHONPATH": str(place.folder)}
    done = subprocess.run(words, cwd=place.folder, env=env, capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout)["ok"], "one envelope, and nothing else"
    assert place.data("output", "work/said")["output"].splitlines() == [
        "to everybody", "of errors", "bytes", "of a thread"]  # fmt: skip
    assert place.data("output", "work/mute")["output"] == ""
    assert "of a program" in done.stderr and "to everybody" not in done.stderr
    place.assert_clean()


@pytest.mark.parametrize("verify", [None, "true"], ids=["in a batch", "alone"])
def test_an_alarm_of_a_callable_s_own_is_no_time_limit_and_ends_nobody(place: Place, verify: str | None) -> None:
    (place.folder / "jobs.py").write_text(JOBS)
    names = ["sets_an_alarm", "handles_an_alarm", "leaves_an_alarm", "forks_who_sets_an_alarm"]
    tasks: dict[str, Any] = {
        name: {"call": f"jobs:{name}", "timeout": "30s", "retries": 0, "verify": verify} for name in names
    }
    tasks["after"] = {"call": "jobs:waits", "args": {"steps": 10}, "needs": ["leaves_an_alarm"], "retries": 0}
    run = place.begin("run", str(place.requirement(tasks, repo=None)), "--workers", "1", PYTHONPATH=str(place.folder))
    assert run.wait(60) == 1, place.said()
    found = {task["id"]: task for task in place.data("status", "work")["tasks"]}
    assert {task["infra_faults"] for task in found.values()} == {0}
    said = found["sets_an_alarm"]["error"]
    assert said.startswith("AlarmRang: SIGALRM came while it was called, at ") and "in sets_an_alarm" in said
    assert "signal only works in main thread" in found["handles_an_alarm"]["error"]
    assert place.data("output", "work/forks_who_sets_an_alarm")["result"] == -14
    assert {found[name]["state"] for name in ("leaves_an_alarm", "forks_who_sets_an_alarm", "after")} == {"done"}
    place.assert_clean()

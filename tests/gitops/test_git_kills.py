"""Ended anywhere and called again: the result is as if it ran once."""

from __future__ import annotations

import os
import random
import sys
from types import FrameType
from typing import Any

import pytest
from git_sandbox import TARGET, Attempt, Dying, Sandbox, in_child

from aidos_actors.core.orders import AttemptKey
from aidos_actors.gitops.epoch import EpochToken, claim_epoch
from aidos_actors.gitops.git import run_here
from aidos_actors.gitops.outcomes import GateResult

KILLED = 17


def gate(folder: str, tree: str) -> GateResult:
    return GateResult(0)


def attempt_of(sandbox: Sandbox, task: str) -> Attempt:
    return Attempt(AttemptKey("shop", task, 1), sandbox.path_of(task), sandbox.base)


def whole_attempt(sandbox: Sandbox, task: str, epoch: EpochToken, run: Any = run_here) -> Any:
    """What the actor's jobs do for one attempt; each is done again after a kill only if it had not been answered."""
    attempt = attempt_of(sandbox, task)
    if not (sandbox.state / f"{task}-worked").exists():
        attempt = sandbox.prepare(task, run=run)
        (attempt.path / task).write_text(task)
        (sandbox.state / f"{task}-worked").write_text(attempt.base_commit)
    base = (sandbox.state / f"{task}-worked").read_text()
    attempt = Attempt(attempt.key, attempt.path, base)
    outcome = sandbox.integrate(attempt, gate=gate, epoch=epoch, run=run)
    sandbox.discard(attempt, run=run)
    return outcome


def assert_as_if_once(sandbox: Sandbox, tasks: list[str]) -> None:
    assert sandbox.line() == [f"shop {task}" for task in reversed(tasks)]
    assert set(tasks) <= set(sandbox.names())
    for mark in sandbox.state.glob("*-worked"):
        mark.unlink()
    sandbox.assert_nothing_left()


def test_killed_before_each_git_command(sandbox: Sandbox) -> None:
    epoch = claim_epoch(str(sandbox.repo), "home", 1)
    before = sandbox.fingerprint()
    tasks: list[str] = []
    exit_code = KILLED
    while exit_code == KILLED:
        tasks.append(f"t{len(tasks):03}")
        run = Dying(len(tasks) - 1)
        exit_code = in_child(lambda run=run: whole_attempt(sandbox, tasks[-1], epoch, run))  # type: ignore[misc]
        assert exit_code in (0, KILLED)
        if exit_code == KILLED:
            assert whole_attempt(sandbox, tasks[-1], epoch).commit is not None
    assert len(tasks) > 15
    assert_as_if_once(sandbox, tasks)
    assert sandbox.fingerprint() == before


def test_killed_twice_the_second_time_while_making_good(sandbox: Sandbox) -> None:
    epoch = claim_epoch(str(sandbox.repo), "home", 1)
    chance = random.Random(7)
    tasks = [f"t{number:03}" for number in range(20)]
    for task in tasks:
        for last in (chance.randrange(3, 30), chance.randrange(0, 30)):
            assert in_child(lambda: whole_attempt(sandbox, task, epoch, Dying(last))) in (0, KILLED)  # noqa: B023
        whole_attempt(sandbox, task, epoch)
    assert_as_if_once(sandbox, tasks)


@pytest.mark.slow
def test_killed_within_git_commands(sandbox: Sandbox) -> None:
    """The git that runs is killed as well, wherever it is; what it leaves (locks, halves) is made good."""
    epoch = claim_epoch(str(sandbox.repo), "home", 1)
    chance = random.Random(11)
    tasks = [f"t{number:03}" for number in range(30)]
    for task in tasks:
        run = Dying(chance.randrange(0, 25), git_dies_after_s=chance.uniform(0.0005, 0.006))
        assert in_child(lambda: whole_attempt(sandbox, task, epoch, run)) in (0, KILLED)  # noqa: B023
        whole_attempt(sandbox, task, epoch)
    assert_as_if_once(sandbox, tasks)


@pytest.mark.parametrize("stage", ["committed", "merged", "gated", "published"])
def test_killed_at_each_stage(sandbox: Sandbox, stage: str) -> None:
    rival = sandbox.prepare("rival")
    attempt = sandbox.prepare("index")
    for one in (rival, attempt):
        (one.path / one.key.task).write_text("work")
    sandbox.integrate(rival)

    def end_at(reached: str, facts: Any) -> None:
        if reached == stage:
            os._exit(KILLED)

    assert in_child(lambda: sandbox.integrate(attempt, gate=gate, emit=end_at)) == KILLED
    assert sandbox.line() == (["shop index"] if stage == "published" else []) + ["shop rival"]
    stages: list[str] = []
    outcome = sandbox.integrate(attempt, gate=gate, emit=lambda reached, facts: stages.append(reached))
    assert outcome.commit == sandbox.git("rev-parse", TARGET)
    assert stages == ([] if stage == "published" else ["committed", "merged", "gated", "published"])
    for one in (rival, attempt):
        sandbox.discard(one)
    assert_as_if_once(sandbox, ["rival", "index"])


@pytest.mark.slow
def test_discarding_killed_at_every_line(sandbox: Sandbox) -> None:
    """The removal is our own code, so it is ended before each line of it in turn."""
    steps, exit_code = 0, KILLED
    while exit_code == KILLED:
        attempt = sandbox.prepare("one")
        (attempt.path / "folder").mkdir()
        (attempt.path / "folder").chmod(0o500)
        exit_code = in_child(lambda: _trace_until(steps, lambda: sandbox.discard(attempt)))  # noqa: B023
        assert exit_code in (0, KILLED)
        sandbox.discard(attempt)
        assert not list((sandbox.repo / ".git" / "worktrees").glob("*"))
        steps += 1
    assert steps > 30
    sandbox.assert_nothing_left()


def _trace_until(steps: int, work: Any) -> None:
    """Does ``work`` and ends the process before the line number ``steps`` of worktrees.py that it comes to."""
    left = steps

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.endswith("gitops/worktrees.py"):
            return None
        if event == "line":
            if left == 0:
                os._exit(KILLED)
            left -= 1
        return trace

    sys.settrace(trace)
    work()

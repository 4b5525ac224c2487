"""The owner of a nursery is killed, at any moment and in whatever state: its nursery, its minders and all that a
command started go too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_minded_nothing_outlives import TWO_SLEEPS

from aidos_actors.executors.linux import start_time
from aidos_actors.executors.sweep import end_marked, is_alive, wait_gone

LIBC_SIGNALS = 0b11 << 31  # 32 and 33 belong to the C library, which lets nobody set them


@pytest.fixture
def owner(bench):
    started: list[subprocess.Popen] = []

    def start(script: str, go: str = "go"):
        path = Path(__file__).with_name("owner_process.py")
        argv = [sys.executable, str(path), str(bench.folder), bench.mark, script, go]
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env)
        started.append(process)
        nursery_pid, minder_pid, minder_started = map(int, process.stdout.readline().split())
        known = [(nursery_pid, start_time(nursery_pid)), (minder_pid, minder_started)]
        return process, known

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def all_gone(bench, known) -> None:
    bench.wait_all_gone(5.0)
    bench.wait_until(lambda: not any(is_alive(*one) for one in known), f"nursery and minder are gone: {known}", 5.0)


def test_killed_owner(bench, owner):
    process, known = owner(TWO_SLEEPS)
    bench.wait_for("pid")
    bench.wait_until(lambda: len(bench.living()) == 4, "the shell and its three sleeps run")
    process.kill()
    all_gone(bench, known)


def test_killed_owner_whose_command_ignores_requests_and_is_stopped(bench, owner):
    process, known = owner("trap '' TERM HUP; sleep 77 & kill -STOP $!; echo $$ > pid; kill -STOP $$")
    bench.wait_for("pid")
    process.kill()
    all_gone(bench, known)


def test_owner_killed_between_spawn_and_go(bench, owner, tmp_path):
    process, known = owner("touch started", go="not yet")
    process.kill()
    all_gone(bench, known)
    assert not (tmp_path / "started").exists()


def test_owner_with_foreign_signals_and_mask(bench, owner):
    process, known = owner("grep -E '^Sig(Blk|Ign):' /proc/self/status")
    process.wait(20)
    text = (bench.folder / "output").read_text()
    assert [int(line.split()[1], 16) & ~LIBC_SIGNALS for line in text.splitlines()] == [0, 0]
    all_gone(bench, known)


def test_killed_owner_whose_fork_holds_on_to_its_sockets(bench, owner):
    process, known = owner(TWO_SLEEPS, go="fork, then go")
    fork = int(process.stdout.readline())
    bench.wait_for("pid")
    process.kill()
    try:
        all_gone(bench, known)
        assert start_time(fork) is not None, "the fork did live meanwhile"
    finally:
        os.kill(fork, signal.SIGKILL)


def test_owner_nursery_and_minder_killed_at_once(bench, owner):
    """The command itself dies with its minder; the sweep by mark is there for the rest."""
    process, known = owner(TWO_SLEEPS)
    command = int(bench.wait_for("pid"))
    started = start_time(command)
    for pid in (known[1][0], known[0][0], process.pid):
        os.kill(pid, signal.SIGSTOP)
    for pid in (process.pid, known[0][0], known[1][0]):
        os.kill(pid, signal.SIGKILL)
    assert wait_gone(command, started, 5.0)
    assert end_marked(bench.mark, 5.0) == []
    all_gone(bench, known)

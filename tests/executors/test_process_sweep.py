"""Finding and ending by identity and by mark."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from aidos_actors.executors.linux import signal_exactly, start_time
from aidos_actors.executors.sweep import end_marked, is_alive, marked_processes, wait_gone


@pytest.fixture
def sleeper(bench):
    process = subprocess.Popen(["sleep", "77"], env=bench.env)
    bench.wait_until(bench.living, "the mark is seen, once the child has become its command")
    yield process, start_time(process.pid)
    process.kill()
    process.wait()


def test_alive_is_pid_and_start_time(sleeper):
    process, started = sleeper
    assert is_alive(process.pid, started)
    assert not is_alive(process.pid, started - 1)
    assert not wait_gone(process.pid, started, 0.05)


def test_a_zombie_is_gone(sleeper):
    process, started = sleeper
    process.kill()
    assert wait_gone(process.pid, started, 10.0)
    assert start_time(process.pid) == started, "not reaped yet"
    assert not is_alive(process.pid, started)


def test_a_reused_pid_is_never_hit(sleeper):
    process, started = sleeper
    assert not signal_exactly(process.pid, started - 1, signal.SIGKILL)
    assert process.poll() is None
    assert signal_exactly(process.pid, started, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_marked_processes_are_found_by_the_whole_mark(bench, sleeper):
    process, started = sleeper
    assert marked_processes(bench.mark) == [(process.pid, started)]
    assert marked_processes(bench.mark[:-1]) == []


def test_end_marked_ends_those_and_no_others(bench, sleeper):
    process, _started = sleeper
    with subprocess.Popen(["sleep", "78"], env={**bench.env, "AIDOS_MARK": bench.mark + "x"}) as other:
        assert end_marked(bench.mark, 10.0) == []
        assert process.wait() == -signal.SIGKILL
        assert other.poll() is None
        other.kill()


def test_end_marked_spares_the_caller(bench):
    script = (
        "import os, subprocess\n"
        "from aidos_actors.executors.sweep import end_marked\n"
        "child = subprocess.Popen(['sleep', '77'])\n"
        "print(end_marked(os.environ['AIDOS_MARK'], 10), child.wait())\n"
    )
    import sys

    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    done = subprocess.run([sys.executable, "-c", script], env={**bench.env, "PYTHONPATH": root}, capture_output=True)
    assert done.stdout == b"[] -9\n"

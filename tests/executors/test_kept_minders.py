"""A minder whose command has ended by itself minds the next one, as if it were new."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from aidos_actors.executors.nursery import Nursery, run
from aidos_actors.executors.sweep import is_alive, wait_gone


@pytest.fixture
def keeping(bench) -> Iterator[Nursery]:
    """A nursery that keeps one, and has one."""
    made = Nursery(keeps_one=True)
    assert made.waiting() is None and run(made, bench.shell("true")).exit_code == 0
    assert made.waiting() is not None
    yield made
    made.close()


def test_one_process_minds_one_command_after_the_other(bench, keeping):
    first = keeping.waiting()
    for number in range(5):
        minded = keeping.spawn(bench.shell(f"cat; echo {number}; exit {number}", input=b"in "))
        assert (minded.pid, minded.started) == first and keeping.waiting() is None, "nobody else may have it"
        minded.go()
        outcome = minded.wait()
        assert (outcome.exit_code, outcome.stdout) == (number, f"in {number}\n".encode())
        assert keeping.waiting() == first


def test_who_has_to_be_told_of_an_end_by_the_minders_own_keeps_none(bench):
    nursery = Nursery()
    assert run(nursery, bench.shell("true")).exit_code == 0 and nursery.waiting() is None
    nursery.close()


def test_only_one_is_kept(bench, keeping):
    both = [keeping.spawn(bench.shell("true")) for _ in range(2)]
    for minded in both:
        minded.go()
        minded.wait()
    assert keeping.waiting() == (both[0].pid, both[0].started)
    assert not is_alive(both[1].pid, both[1].started), "it is gone when the outcome is there"


@pytest.mark.parametrize(
    ("script", "more", "reason"),
    [
        ("sleep 77", {"timeout_s": 0.2}, "timeout"),
        ("true", {"cwd": "/no/such/folder"}, "failed_to_start"),
        ("kill -9 $PPID; sleep 77", {}, "lost"),
    ],
)
def test_after_any_other_end_there_is_a_new_one(bench, keeping, script, more, reason):
    before = keeping.waiting()
    assert run(keeping, bench.shell(script, **more)).reason == reason
    assert keeping.waiting() is None and not is_alive(*before)
    assert run(keeping, bench.shell("echo fine")).stdout == b"fine\n"
    assert keeping.waiting() not in (None, before)


def test_what_a_command_leaves_running_is_gone_before_the_next_one(bench, keeping):
    minder = keeping.waiting()
    assert run(keeping, bench.shell("sleep 77 & (setsid sleep 78 &) ; exit 3", grace_s=0.05)).exit_code == 3
    assert bench.living() == [] and keeping.waiting() == minder


def test_what_is_said_of_a_command_that_has_ended_is_not_said_of_the_next(bench, keeping):
    first = keeping.spawn(bench.shell("true"))
    first.go()
    first.wait()
    second = keeping.spawn(bench.shell("echo fine"))
    assert second.pid == first.pid
    first.end("too late")
    first.progress()
    del first
    second.go()
    assert second.wait().stdout == b"fine\n"


def test_the_limits_are_those_of_each_command(bench, keeping, tmp_path):
    output = tmp_path / "output"
    for _ in range(2):
        outcome = run(keeping, bench.shell("echo 1234567", output_path=str(output), output_limit_bytes=10))
        assert outcome.reason == "exited", "what the file held before is not counted"
    assert run(keeping, bench.shell("sleep 0.3", timeout_s=20)).reason == "exited"


@pytest.mark.parametrize("who", ["minder", "nursery"])
def test_one_that_dies_while_it_waits_is_replaced(bench, keeping, who):
    minder, started = keeping.waiting()
    os.kill(keeping.pid if who == "nursery" else minder, signal.SIGKILL)
    assert wait_gone(minder, started, 10.0)
    bench.wait_until(lambda: keeping.waiting() is None, "that is known")
    assert run(keeping, bench.shell("echo fine")).stdout == b"fine\n"


def test_one_that_was_stopped_while_it_waited_is_ended_and_the_command_is_lost(bench, keeping, monkeypatch):
    from aidos_actors.executors import minded as module

    monkeypatch.setattr(module, "HEARING_LIMIT_S", 0.1)
    before = keeping.waiting()
    os.kill(before[0], signal.SIGSTOP)
    assert run(keeping, bench.shell("touch started")).reason == "lost"
    assert not (bench.folder / "started").exists() and not is_alive(*before)


def test_close_ends_the_one_that_waits(bench, keeping):
    before = keeping.waiting()
    keeping.close()
    assert not is_alive(*before)


def test_a_large_order_is_minded_too(bench, keeping):
    env = {**bench.env, **{f"V{number}": "x" * 1000 for number in range(100)}}
    for _ in range(2):
        assert int(run(keeping, bench.shell("env | wc -c", env=env)).stdout) > 100_000


def test_a_hundred_commands_leave_nothing_in_their_minder(bench, keeping):
    pid, _ = minder = keeping.waiting()

    def open_files() -> int:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))

    before = open_files()
    for number in range(100):
        more = {"output_path": str(bench.folder / "output")} if number % 2 else {"input": b"x"}
        assert run(keeping, bench.shell("true", **more)).exit_code == 0
    assert keeping.waiting() == minder
    bench.wait_until(lambda: open_files() == before, f"as many descriptors as before: {before}")

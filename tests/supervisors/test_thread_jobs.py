"""Jobs on threads: all at once, each told once, and few threads for many."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import pytest

from supervisors.messages import JobDone
from supervisors.systems.thread_jobs import IDLE_MAX, JOBS_MAX, ThreadJobs

PATIENCE_MS = 30_000
SAID = ContextVar("said", default="nothing")


@pytest.fixture
def jobs() -> Iterator[ThreadJobs]:
    yield ThreadJobs()


def outcomes(jobs: ThreadJobs, count: int) -> list[JobDone]:
    look, taken = select.poll(), list[JobDone]()
    look.register(jobs.fileno(), select.POLLIN)
    while len(taken) < count:
        assert look.poll(PATIENCE_MS)
        taken += jobs.take()
    return taken


def test_one_job_after_the_other_takes_the_same_thread(jobs: ThreadJobs) -> None:
    threads = set()
    for number in range(50):
        jobs.start(f"job {number}", lambda: (threading.get_ident(), threading.current_thread().name))
        jobs.go()
        (done,) = outcomes(jobs, 1)
        assert done.value[1] == done.job == f"job {number}"
        threads.add(done.value[0])
    assert len(threads) <= IDLE_MAX


def test_jobs_run_at_once_however_many_threads_are_idle(jobs: ThreadJobs) -> None:
    for turn in range(2):
        together = threading.Barrier(10)
        for number in range(10):
            jobs.start(f"{turn} {number}", together.wait, PATIENCE_MS / 1000)
        assert len(jobs.running()) == 10
        jobs.go()
        assert sorted(done.value for done in outcomes(jobs, 10)) == list(range(10))
        assert not jobs.running()


def test_what_a_job_raises_is_its_outcome_and_its_thread_goes_on(jobs: ThreadJobs) -> None:
    def fail() -> None:
        raise SystemExit("no")

    jobs.start("fails", fail)
    jobs.go()
    (done,) = outcomes(jobs, 1)
    assert isinstance(done.error, SystemExit)
    jobs.start("works", int)
    jobs.go()
    assert [each.value for each in outcomes(jobs, 1)] == [0]


def test_a_job_of_that_name_runs_once_at_a_time_and_there_are_not_too_many(jobs: ThreadJobs) -> None:
    gate = threading.Event()
    for _ in range(3):
        jobs.start("same", gate.wait, PATIENCE_MS / 1000)
    for number in range(JOBS_MAX - 1):
        jobs.start(f"job {number}", gate.wait, PATIENCE_MS / 1000)
    with pytest.raises(RuntimeError, match="more than"):
        jobs.start("one more", int)
    jobs.go()
    gate.set()
    assert len(outcomes(jobs, JOBS_MAX)) == JOBS_MAX


@pytest.mark.parametrize(
    ("change", "look"),
    [
        (lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}), lambda: signal.pthread_sigmask(0, ())),
        (lambda: os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]), lambda: os.sched_getaffinity(0)),
        (lambda: sys.settrace(lambda *_: None), sys.gettrace),
        (lambda: sys.setprofile(lambda *_: None), sys.getprofile),
        (lambda: SAID.set("something"), SAID.get),
    ],
)
def test_what_a_job_does_to_its_thread_is_nothing_to_the_next_one(
    jobs: ThreadJobs, change: Callable[[], object], look: Callable[[], object]
) -> None:
    def outcome_of(work: Callable[[], object]) -> object:
        jobs.start("job", work)
        jobs.go()
        (done,) = outcomes(jobs, 1)
        assert done.error is None
        return done.value

    before = outcome_of(look)
    outcome_of(change)
    assert [outcome_of(look) for _ in range(IDLE_MAX + 1)] == [before] * (IDLE_MAX + 1)


def test_a_job_that_spoils_the_library_of_threads_holds_up_no_other(
    jobs: ThreadJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.start("spoils", monkeypatch.setattr, threading, "current_thread", lambda: None)
    jobs.go()
    outcomes(jobs, 1)
    jobs.start("works", int)
    jobs.go()
    assert [each.value for each in outcomes(jobs, 1)] == [0]


def interrupt_when_idle(thread: int) -> None:
    """As programs do that limit the time of their functions, when they come too late."""
    while sys._current_frames()[thread].f_code.co_name != "_work_on":
        pass
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt))


def test_an_exception_that_is_sent_to_a_thread_between_its_jobs_leaves_no_job_without_an_outcome(
    jobs: ThreadJobs,
) -> None:
    jobs.start("first", threading.get_ident)
    jobs.go()
    (first,) = outcomes(jobs, 1)
    interrupt_when_idle(first.value)
    jobs.start("second", int)
    jobs.go()
    (second,) = outcomes(jobs, 1)
    assert second.value == 0 or isinstance(second.error, KeyboardInterrupt)
    for _ in range(IDLE_MAX + 1):
        jobs.start("third", int)
        jobs.go()
        assert [each.value for each in outcomes(jobs, 1)] == [0]

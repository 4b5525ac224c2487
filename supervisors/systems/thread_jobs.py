"""The port ``Jobs`` on threads of a leaf process: outcomes queue up behind an eventfd that the message loop watches."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context
from queue import SimpleQueue
from typing import Any

from supervisors.messages import JobDone

JOBS_MAX = 256
IDLE_MAX = 2

Task = tuple[str, Callable[..., Any], tuple[Any, ...]]


class _Hand(threading.Thread):
    """A thread that takes jobs, and has the name of each."""

    def __init__(self, work: Callable[[_Hand], None]) -> None:
        super().__init__(target=work, args=(self,), daemon=True)
        self.tasks: SimpleQueue[Task] = SimpleQueue()
        self.job: str | None = None

    def take(self, task: Task) -> None:
        self.name = self.job = task[0]
        self.tasks.put(task)


class ThreadJobs:
    """Jobs of one process. ``start`` and ``take`` are called from the message loop, the work from another thread: one
    that has nothing to do takes the next job, for to begin a thread takes longer than many jobs do. Each job finds its
    thread as a new one would be, but for what ``threading.local`` keeps."""

    def __init__(self) -> None:
        self._running: set[str] = set()
        self._done: deque[JobDone] = deque()
        self._signal = -1
        self._next: list[Task] = []
        self._idle: deque[_Hand] = deque()

    def fileno(self) -> int:
        """Readable when an outcome waits; -1 before the first job."""
        return self._signal

    def running(self) -> frozenset[str]:
        return frozenset(self._running)

    def start(self, job: str, work: Callable[..., Any], *args: Any) -> None:
        if job in self._running:
            return
        if len(self._running) >= JOBS_MAX:
            raise RuntimeError(f"more than {JOBS_MAX} jobs in one process")
        if self._signal < 0:
            self._signal = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._running.add(job)
        self._next.append((job, work, args))

    def go(self) -> None:
        """What was started in the handler that has just ended begins now: work that keeps the interpreter's lock from
        its first moment on must not make that handler look hung."""
        for task in self._next:
            hand = self._idle.pop() if self._idle else None
            if hand is None or not hand.is_alive():
                hand = _Hand(self._work)
                hand.start()
            hand.take(task)
        self._next.clear()

    def _work(self, hand: _Hand) -> None:
        """The job that it was given first, and those that it is given after it. What another thread raises in this
        one, between two jobs, ends it, and is the outcome of the one it has in hand."""
        try:
            self._work_on(hand)
        except BaseException as error:
            if hand.job is not None:
                self._done.append(JobDone(hand.job, error=error))
            os.eventfd_write(self._signal, 1)

    def _work_on(self, hand: _Hand) -> None:
        at_first = _ways_of_this_thread()
        while True:
            self._carry_out(*hand.tasks.get())
            hand.job = None
            is_wanted = len(self._idle) < IDLE_MAX and _ways_of_this_thread() == at_first
            if is_wanted:
                self._idle.append(hand)  # before the loop hears of the end: it may have more to do
            os.eventfd_write(self._signal, 1)
            if not is_wanted:
                return

    def _carry_out(self, job: str, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            done = JobDone(job, value=Context().run(work, *args))
        except BaseException as error:
            done = JobDone(job, error=error)
        self._done.append(done)

    def take(self) -> list[JobDone]:
        """The outcomes since the last call, in order of their end."""
        try:
            os.eventfd_read(self._signal)
        except BlockingIOError:
            return []
        taken = []
        while self._done:
            done = self._done.popleft()
            self._running.discard(done.job)
            taken.append(done)
        return taken


def _ways_of_this_thread() -> tuple[object, ...]:
    """What a job may change of its thread alone, and programs that it starts, or the next job, would have too."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    shares = os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0)
    return blocked, shares, sys.gettrace(), sys.getprofile()

"""The port ``Jobs`` on a simulated machine: an entry in its queue for the work, and one for the outcome."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any, Protocol

from supervisors.messages import JobDone
from supervisors.systems.simulated import Simulation

JOBS_MAX = 256


class Worker(Protocol):
    """The process that a job belongs to."""

    machine: Simulation

    def effect(self, what: str) -> None: ...
    def later(self, span_s: tuple[float, float], what: Callable[[], None]) -> None: ...
    def arrive(self, message: Any, sender: None) -> None: ...


class SimulatedJobs:
    """The port ``Jobs``: the work is done at a moment of its own, and its outcome comes at a later one. A process that
    ends before, between or after them has started, done or heard of its job. Work that is a generator takes the
    seconds that it yields; what it does between them is done at those moments."""

    def __init__(self, process: Worker) -> None:
        self._process = process
        self._running: set[str] = set()

    def running(self) -> frozenset[str]:
        return frozenset(self._running)

    def start(self, job: str, work: Callable[..., Any], *args: Any) -> None:
        if job in self._running:
            return
        if len(self._running) >= JOBS_MAX:
            raise RuntimeError(f"more than {JOBS_MAX} jobs in one process")
        self._process.effect(f"job {job}")
        self._running.add(job)
        self._process.later(self._process.machine.faults.job_s, partial(self._work, job, work, args))

    def _work(self, job: str, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            value = work(*args)
        except BaseException as error:
            self._done(JobDone(job, error=error))
            return
        if isinstance(value, Generator):
            self._go_on(job, value)
        else:
            self._done(JobDone(job, value=value))

    def _go_on(self, job: str, steps: Generator[float, None, Any]) -> None:
        try:
            pause_s = next(steps)
        except StopIteration as end:
            self._done(JobDone(job, value=end.value))
        except BaseException as error:
            self._done(JobDone(job, error=error))
        else:
            self._process.later((pause_s, pause_s), partial(self._go_on, job, steps))

    def _done(self, done: JobDone) -> None:
        self._process.later(self._process.machine.faults.delay_s, lambda: self._process.arrive(done, None))

    def taken(self, job: str) -> None:
        self._running.discard(job)

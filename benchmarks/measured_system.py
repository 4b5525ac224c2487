"""The system that is measured: the default one with two workers, its state on the disk of the temporary folder."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from journal import Journal

from aidos_actors import Requirement, Runtime, Task

WORKERS = 2
PATIENCE_S = 600.0
DURABLE = "SQLite WAL, synchronous=FULL"
NOOP = "bodies:noop"
SYNCED_BYTES = 1024
SYNC_SPAN_S = 0.2
DRAINED_FROM = 0.05  # of the tasks done: from there on the drain is measured


@contextmanager
def state_dir() -> Iterator[Path]:
    """A folder for it that is gone afterwards. Its workers find ``bodies``."""
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@contextmanager
def running(workers: int = WORKERS) -> Iterator[tuple[Runtime, Journal]]:
    """A new system, and its journal from the moment at which all actors run."""
    with state_dir() as folder, Runtime(state_dir=folder, workers=workers) as runtime:
        yield runtime, Journal(folder)


def plan(name: str, tasks: Sequence[Task]) -> Requirement:
    return Requirement(id=name, title=name, tasks=tuple(tasks))


def noops(name: str, count: int) -> Requirement:
    """``count`` tasks that do nothing and need nothing."""
    return plan(name, [Task(id=f"t{number}", call=NOOP) for number in range(count)])


def recorded(runtime: Runtime, journal: Journal, requirements: int = 1) -> float:
    """The moment (wall seconds) at which so many requirements have ended, on disk: the Scheduler has said so."""
    journal.wait("requirement_done", requirements)
    last = max(event["seq"] for event in journal.events("requirement_done"))
    runtime.events(after_seq=last - 1)
    return time.time()


def drained_per_s(journal: Journal, count: int, until: float) -> float:
    """Tasks in a second, from 5 % of ``count`` done to all recorded as done."""
    done_at = sorted(event["at"] for event in journal.events("task_done"))
    first = int(count * DRAINED_FROM)
    return (count - first) / (until - done_at[first])


def fdatasyncs_per_s() -> float:
    """How often in a second the disk of the temporary folder takes 1 kB that is new, one after the other."""
    with tempfile.TemporaryFile(buffering=0) as file:
        handle, count = file.fileno(), 0
        os.posix_fallocate(handle, 0, 4 * 2**20)
        os.fsync(handle)
        began_at = time.monotonic()
        while time.monotonic() < began_at + SYNC_SPAN_S:
            os.pwrite(handle, os.urandom(SYNCED_BYTES), count % 4096 * SYNCED_BYTES)
            os.fdatasync(handle)
            count += 1
        return count / (time.monotonic() - began_at)

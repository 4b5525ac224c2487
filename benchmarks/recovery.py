"""Kills under load: python benchmarks/recovery.py [--runs 5] [--kills 4] [--count 200] [--json] [--out FOLDER]

In each run a new system with two workers has ``--count`` tasks of 50 ms. ``--kills`` times, evenly over them, SIGKILL
hits a worker inside a task, or the Scheduler, or every process of the system at once. (Five times as many runs for
workers: their slowest in a hundred is asked for.) Milliseconds from the kill

    worker      until its task begins again
    Scheduler   until the next Scheduler has a task begun
    system      until a task begins

The tasks write down when they begin and end. After each run the journal must show each of them done exactly once.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from journal import PAUSE_S, Journal
from measured_actors import HEALING
from measured_system import DURABLE, PATIENCE_S, plan, recorded, running
from report import Report
from rows import Row

from aidos_actors import Runtime, Task
from supervisors import SupervisorError
from supervisors.linux import descendants, is_alive, start_ticks

WORK_MS = 50.0
MORE_RUNS = {"worker": 5}


class Line(NamedTuple):
    what: str
    number: int
    at: float
    pid: int


class Blows:
    """One system at work, and what hits it. Each blow returns the milliseconds until the work had gone on."""

    def __init__(self, runtime: Runtime, journal: Journal, log: Path) -> None:
        self._runtime, self._journal, self._log = runtime, journal, log

    def lines(self) -> list[Line]:
        """What the tasks have written so far."""
        found = [line.split() for line in self._log.read_text().splitlines()] if self._log.exists() else []
        return [Line(each[0], int(each[1]), float(each[2]), int(each[3])) for each in found if len(each) == 4]

    def worker(self) -> float:
        number, killed_at = until(self._killed_inside)
        return (self._begun(lambda line: line.number == number and line.at > killed_at) - killed_at) * 1000

    def _killed_inside(self) -> tuple[int, float] | None:
        """Kills a worker; the task that ended with it, which need not be the one that it was seen in, and when."""
        pid = until(self._inside).pid
        ticks, killed_at = start_ticks(pid), time.monotonic()
        os.kill(pid, signal.SIGKILL)
        until(lambda: None if ticks is not None and is_alive(pid, ticks) else True)
        last = [line for line in self.lines() if line.pid == pid][-1]
        return (last.number, killed_at) if last.what == "begin" else None

    def scheduler(self) -> float:
        pid = until(self._scheduler_pid)
        self._journal.forget()
        killed_at = time.time()
        os.kill(pid, signal.SIGKILL)
        self._journal.wait("scheduler_started", 1)
        epoch = next(self._journal.events("scheduler_started"))["epoch"]
        started = until(lambda: next((e for e in self._starts() if e["epoch"] >= epoch), None))
        return float(started["at"] - killed_at) * 1000

    def system(self) -> float:
        pids = [self._runtime.tree.pids["guardian"], *descendants(os.getpid())]
        killed_at = time.monotonic()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # its parent's death has ended it
        killed_all_at = time.monotonic()
        return (self._begun(lambda line: line.at > killed_all_at) - killed_at) * 1000

    def _inside(self) -> Line | None:
        """The last task that has begun and not ended, in a process that lives."""
        lines = self.lines()
        ended = {(line.number, line.pid) for line in lines if line.what == "end"}
        open_ones = [line for line in lines if line.what == "begin" and (line.number, line.pid) not in ended]
        return next((line for line in reversed(open_ones) if Path(f"/proc/{line.pid}").exists()), None)

    def _begun(self, is_it: Callable[[Line], bool]) -> float:
        def look() -> float | None:
            return next((line.at for line in self.lines() if line.what == "begin" and is_it(line)), None)

        return float(until(look))

    def _scheduler_pid(self) -> int | None:
        try:
            return self._runtime.tree.which_children("root/scheduling")[0].pid
        except SupervisorError as error:
            if error.code not in HEALING:
                raise
            return None

    def _starts(self) -> list[dict[str, Any]]:
        self._journal.look()
        return list(self._journal.events("attempt_started"))


def until(look: Callable[[], Any]) -> Any:
    """What ``look`` finds, as soon as it finds something."""
    end_at = time.monotonic() + PATIENCE_S
    while (found := look()) is None:
        if time.monotonic() > end_at:
            raise TimeoutError(f"nothing after {PATIENCE_S:g} s")
        time.sleep(PAUSE_S)
    return found


def struck(kind: str, count: int, kills: int) -> tuple[list[float], float, float]:
    """The milliseconds of each kill, and how many tasks were lost and how many were recorded as done twice."""
    with running() as (runtime, journal):
        log = runtime.state_dir / "work.log"
        blows, whole = Blows(runtime, journal, log), Journal(runtime.state_dir)
        args = {"ms": WORK_MS, "log": str(log)}
        tasks = [Task(id=f"t{n}", call="bodies:work", args={"number": n, **args}) for n in range(count)]
        runtime.submit(plan("work", tasks))
        found = []
        for blow in range(1, kills + 1):
            until(lambda enough=count * blow // (kills + 1): len(_ended(blows)) >= enough or None)
            found.append(getattr(blows, kind)())
        recorded(runtime, whole)
        times = Counter(event["task"] for event in whole.events("task_done"))
        return found, float(count - len(times)), float(sum(number > 1 for number in times.values()))


def _ended(blows: Blows) -> set[int]:
    return {line.number for line in blows.lines() if line.what == "end"}


KINDS = {
    "worker": ("worker killed → its task begins again", {"median": 100.0, "p99": 1000.0}),
    "scheduler": ("Scheduler killed → the next one has a task begun", {"median": 200.0}),
    "system": ("everything killed → a task begins", {"median": 1000.0}),
}


def main() -> None:
    counts = {"runs": (5, "of each kind"), "kills": (4, "in each run"), "count": (200, "tasks in each run")}
    report = Report("recovery", str(__doc__), **counts)
    options = report.asked()
    rows = []
    for kind, (name, goals) in KINDS.items():
        turns = report.turns(kind, options.runs * MORE_RUNS.get(kind, 1))
        runs = [struck(kind, options.count, options.kills) for _ in turns]
        rows.append(Row(name, [each for found, _, _ in runs for each in found], goals=goals, how=DURABLE))
        for what, place in (("lost", 1), ("recorded as done twice", 2)):
            rows.append(Row(f"{kind}: tasks {what}", [run[place] for run in runs], unit="", goals={"max": 0.0}))
    report.give(rows)


if __name__ == "__main__":
    main()

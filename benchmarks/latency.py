"""One task at a time on an idle system: python benchmarks/latency.py [--runs 5] [--count 100] [--json] [--out FOLDER]

From the call of ``Runtime.submit`` with a requirement of one ``call:`` task to the return of ``submit`` (it is on disk)
and of ``wait`` (its end is on disk). Between two the system has come to rest. Two workers; each run has a system of its
own, and the first submission to it is left out.
"""

from __future__ import annotations

import time

from measured_actors import ms_since
from measured_system import DURABLE, NOOP, PATIENCE_S, plan, running
from report import Report
from rows import Row

from aidos_actors import Runtime, Task

REST_S = 0.005


def one(runtime: Runtime, name: str, priority: int = 50) -> tuple[float, float]:
    """Milliseconds until it was accepted, and until it was done."""
    requirement = plan(name, [Task(id="it", call=NOOP)]).model_copy(update={"priority": priority})
    time.sleep(REST_S)
    began_at = time.monotonic()
    runtime.submit(requirement)
    accepted = ms_since(began_at)
    if runtime.wait(name, PATIENCE_S).state != "done":
        raise RuntimeError(f"{name} failed")
    return accepted, ms_since(began_at)


def main() -> None:
    report = Report("latency", str(__doc__), runs=(5, "systems started"), count=(100, "tasks in each"))
    options = report.asked()
    found = []
    for _ in report.turns("systems", options.runs):
        with running() as (runtime, _journal):
            one(runtime, "warm")
            found += [one(runtime, f"r{number}") for number in range(options.count)]
    report.give(
        [
            Row("submit → accepted", [accepted for accepted, _ in found], how=DURABLE),
            Row("submit → done", [done for _, done in found], goals={"median": 3.0, "p99": 10.0}, how=DURABLE),
        ]
    )


if __name__ == "__main__":
    main()

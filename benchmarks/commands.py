"""Commands beside bare processes: python benchmarks/commands.py [--runs 5] [--count 200] [--json] [--out FOLDER]

``run: "true"`` on two workers, beside two threads that call ``subprocess.run`` with the same ``/bin/sh -c true``. Both
as the time one worker (or thread) takes for one command, from 5 % of them done to the last; the difference, taken
within a run, is what a command costs here: a minder, a folder, output, limits, and its rows on disk.
"""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from measured_actors import ms_since
from measured_system import DURABLE, WORKERS, drained_per_s, plan, recorded, running
from report import Report
from rows import Row

from aidos_actors import Task

COMMAND = "true"
GOAL_MS = 5.0


def ours_ms(count: int) -> float:
    with running() as (runtime, journal):
        runtime.submit(plan("commands", [Task(id=f"t{number}", run=COMMAND) for number in range(count)]))
        until = recorded(runtime, journal)
        return WORKERS * 1000 / drained_per_s(journal, count, until)


def bare_ms(count: int) -> float:
    with ThreadPoolExecutor(WORKERS) as threads:
        began_at = time.monotonic()
        for done in threads.map(lambda _: subprocess.run(["/bin/sh", "-c", COMMAND]), range(count)):
            done.check_returncode()
        return WORKERS * ms_since(began_at) / count


def main() -> None:
    report = Report("commands", str(__doc__), runs=(5, "of each side, in turns"), count=(200, "commands in each"))
    options = report.asked()
    bare, ours = [], []
    for _ in report.turns("both sides", options.runs):
        bare.append(bare_ms(options.count))
        ours.append(ours_ms(options.count))
    more = [one - other for one, other in zip(ours, bare, strict=True)]
    report.give(
        [
            Row("command: bare subprocess", bare),
            Row("command: ours", ours, how=DURABLE),
            Row("command: ours beyond bare", more, goals={"median": GOAL_MS}, how=DURABLE),
        ]
    )


if __name__ == "__main__":
    main()

"""What grows with the work: python benchmarks/scale.py [--runs 5] [--open 100000] [--history 1000000] [--json]

A system with ``--open`` tasks in one plan, beside one with a hundredth of it. With the plan held back: how long a task
of another takes from ``submit`` to done, and how much memory the Scheduler has. Then the system starts again and the
plan resumed: how long until its first task begins, and how long each of the first tasks takes. The same on a ledger
with ``--history`` finished tasks, beside one with a thousandth (rows copied, see ``history.py``). And a requirement
file of ``--mib`` MiB, read and checked by ``plan``. What has the small size too must not grow with the large one. The
open tasks do nothing and need nothing; then come as many commands of 200 characters, no two alike, that need three
others each, to be seen and without a goal.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from history import make_history
from idle import pss_bytes
from journal import Journal
from latency import one
from measured_actors import ms_since
from measured_system import DURABLE, WORKERS, noops, plan, state_dir
from report import Report
from rows import Row

from aidos_actors import Requirement, Runtime, Task

COMMAND_CHARS, WORDS, NEEDS, NEEDS_AMONG = 200, 3000, 3, 100
FIRST_TASKS = 100
FLAT = 1.5
START_GOAL_MS, FILE_GOAL_S = 5000.0, 30.0
PADDING = "x" * 600

Found = dict[str, list[float]]


def scheduler_mb(runtime: Runtime) -> float:
    pid = runtime.tree.which_children("root/scheduling")[0].pid
    assert pid is not None
    return pss_bytes(pid) / 1e6


def commands(name: str, count: int) -> Requirement:
    """``count`` tasks that do nothing in many words, each of which needs some of the hundred before it."""
    chance = random.Random(count)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(WORDS)]

    def task(number: int) -> Task:
        run = (": " + " ".join(chance.choices(words, k=COMMAND_CHARS // 3)))[:COMMAND_CHARS]
        before = range(max(0, number - NEEDS_AMONG), number)
        needs = sorted(chance.sample(before, min(NEEDS, len(before))))
        return Task(id=f"t{number}", run=run, needs=tuple(f"t{need}" for need in needs))

    return plan(name, [task(number) for number in range(count)])


def with_open(requirement: Requirement, count: int, found: Found) -> None:
    """Both workers are kept busy until the plan is on record and held back: all its tasks are open then."""
    with state_dir() as folder:
        with Runtime(state_dir=folder, workers=WORKERS) as runtime:
            journal, gate = Journal(folder), folder / "gate"
            waiting = [Task(id=f"w{n}", call="bodies:wait_for", args={"file": str(gate)}) for n in range(WORKERS)]
            runtime.submit(plan("busy", waiting))
            journal.wait("attempt_started", WORKERS)
            runtime.submit(requirement)
            journal.wait("plan_recorded", 2)
            runtime.pause("open")
            gate.touch()
            journal.wait("requirement_done", 1)
            found["submit → done"] += singles(runtime, count)
            found["Scheduler PSS"].append(scheduler_mb(runtime))
        journal.forget()
        began_at = time.monotonic()
        with Runtime(state_dir=folder, workers=WORKERS) as runtime:
            runtime.resume("open")
            journal.wait("attempt_started", 1)
            found["started → first task begun"].append(ms_since(began_at))
            first, began_at = min(FIRST_TASKS, len(requirement.tasks)), time.monotonic()
            journal.wait("task_done", first)
            found["each task"].append(ms_since(began_at) / first)


def with_history(tasks: int, count: int, found: Found) -> None:
    with state_dir() as folder:
        make_history(folder, tasks)
        began_at = time.monotonic()
        with Runtime(state_dir=folder, workers=WORKERS) as runtime:
            one(runtime, "first")
            found["started → first task done"].append(ms_since(began_at))
            found["submit → done"] += singles(runtime, count)
            found["Scheduler PSS"].append(scheduler_mb(runtime))


def singles(runtime: Runtime, count: int) -> list[float]:
    return [one(runtime, f"one{number}", priority=100)[1] for number in range(count)]


def read_file(mib: float) -> tuple[float, float]:
    """Seconds that the command ``plan`` takes for a file of that size, and its peak memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.yaml"
        with file.open("w") as out:
            out.write("id: large\ntasks:\n")
            number = 0
            while out.tell() < mib * 2**20 - 2 * len(PADDING):
                out.write(f'  t{number}:\n    call: "bodies:noop"\n    title: {json.dumps(PADDING)}\n')
                number += 1
        words = [sys.executable, "-m", "aidos_actors", "plan", str(file), "--json"]
        began_at = time.monotonic()
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"plan of a file of {mib:g} MiB ended with {process.returncode}")
        return time.monotonic() - began_at, used.ru_maxrss * 1024 / 1e6


def compared(
    kind: str, large: int, small: int, found: dict[int, Found], starts: dict[str, float], *, has_goals: bool = True
) -> list[Row]:
    """Rows of both sizes, and of their ratios. What must only not be slow has a goal of its own in ``starts``."""
    rows = []
    for name, samples in found[large].items():
        unit = "MB" if name.endswith("PSS") else "ms"
        goals = {"median": starts[name]} if name in starts and has_goals else {}
        rows.append(Row(f"{small} {kind}: {name}", found[small][name], unit=unit, how=DURABLE))
        rows.append(Row(f"{large} {kind}: {name}", samples, unit=unit, goals=goals, how=DURABLE))
        if name not in starts:
            ratios = [one / other for one, other in zip(samples, found[small][name], strict=True)]
            flat = {"median": FLAT} if has_goals else {}
            rows.append(Row(f"{kind}, large / small: {name}", ratios, unit="", goals=flat))
    return rows


def main() -> None:
    report = Report(
        "scale",
        str(__doc__),
        runs=(5, "of everything"),
        open=(100_000, "tasks in one plan"),
        history=(1_000_000, "finished tasks"),
        singles=(20, "tasks one at a time, for each size"),
        mib=(64.0, "size of the file"),
    )
    options = report.asked()
    opened, past = (options.open, max(1, options.open // 100)), (options.history, max(1, options.history // 1000))
    at_work: dict[int, Found] = {tasks: defaultdict(list) for tasks in opened}
    in_words: dict[int, Found] = {tasks: defaultdict(list) for tasks in opened}
    at_rest: dict[int, Found] = {tasks: defaultdict(list) for tasks in past}
    files = []
    for _ in report.turns("all sizes", options.runs):
        for tasks in reversed(opened):
            with_open(noops("open", tasks), options.singles, at_work[tasks])
            with_open(commands("open", tasks), options.singles, in_words[tasks])
        for tasks in reversed(past):
            with_history(tasks, options.singles, at_rest[tasks])
        files.append(read_file(options.mib))
    name = f"requirement file of {options.mib:g} MiB"
    report.give(
        [
            *compared("open", *opened, at_work, {"started → first task begun": START_GOAL_MS}),
            *compared(
                "open commands", *opened, in_words, {"started → first task begun": START_GOAL_MS}, has_goals=False
            ),
            *compared("finished", *past, at_rest, {"started → first task done": START_GOAL_MS}),
            Row(f"{name}: plan", [seconds for seconds, _ in files], unit="s", goals={"median": FILE_GOAL_S}),
            Row(f"{name}: peak RSS", [memory for _, memory in files], unit="MB"),
        ]
    )


if __name__ == "__main__":
    main()

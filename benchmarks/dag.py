"""A plan in layers: python benchmarks/dag.py [--runs 5] [--layers 10] [--width 100] [--json] [--out FOLDER]

Each task does nothing, and needs three of the layer before it. From ``Runtime.submit`` until all are recorded as done.
Two workers; each run has a system of its own.
"""

from __future__ import annotations

import time

from measured_actors import ms_since
from measured_system import DURABLE, NOOP, noops, plan, recorded, running
from report import Report
from rows import Row

from aidos_actors import Task

PARENTS = 3
GOAL_MS = 300.0


def layered(layers: int, width: int) -> list[Task]:
    def needs(layer: int, place: int) -> tuple[str, ...]:
        parents = {(place + step * 7) % width for step in range(PARENTS)} if layer else set()
        return tuple(f"l{layer - 1}-{parent}" for parent in sorted(parents))

    return [
        Task(id=f"l{layer}-{place}", call=NOOP, needs=needs(layer, place))
        for layer in range(layers)
        for place in range(width)
    ]


def main() -> None:
    report = Report("dag", str(__doc__), runs=(5, "systems"), layers=(10, "layers"), width=(100, "tasks in each"))
    options = report.asked()
    tasks = layered(options.layers, options.width)
    whole, each = [], []
    for _ in report.turns("systems", options.runs):
        with running() as (runtime, journal):
            runtime.submit(noops("warm", 1))
            recorded(runtime, journal)
            journal.forget()
            began_at = time.monotonic()
            runtime.submit(plan("dag", tasks))
            recorded(runtime, journal)
            whole.append(ms_since(began_at))
            each.append(whole[-1] / len(tasks))
    goal = {"median": GOAL_MS} if len(tasks) == 1000 else {}
    name = f"{options.layers} layers of {options.width}, {PARENTS} parents each"
    report.give([Row(name, whole, goals=goal, how=DURABLE), Row(f"{name}: each task", each, how=DURABLE)])


if __name__ == "__main__":
    main()

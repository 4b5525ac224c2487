"""What a durable message costs beside a plain one: python benchmarks/durable.py [--count 200] [--runs 5] [--json]

Asks from outside, one after the other, in one run: a plain actor, a durable one that changes nothing, durable ones with
a small and with a 10 kB state, and one whose messages carry idempotency keys. Medians of the runs, with min and max.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from supervisors import ActorTree, ChildSpec, DurableActor, ManagedActor, SupervisorSpec

LARGE_CHARS = 10_000


class Plain(ManagedActor):
    count = 0

    def receive(self, message: Any, sender: str | None) -> None:
        self.count += 1
        self.reply(self.count)


class Durable(DurableActor):
    class State(BaseModel):
        count: int = 0
        ballast: str = ""

    def on_start(self, ballast: int = 0) -> None:
        self.state.ballast = "x" * ballast

    def receive(self, message: Any, sender: str | None) -> None:
        if message == "count":
            self.state.count += 1
        self.reply(self.state.count)


CHILDREN = (
    ChildSpec(id="plain", actor=Plain),
    ChildSpec(id="small", actor=Durable),
    ChildSpec(id="large", actor=Durable, args={"ballast": LARGE_CHARS}),
    ChildSpec(id="keyed", actor=Durable),
)


def ms_each(ask: Callable[[int], Any], count: int) -> float:
    """Milliseconds for one of ``count`` asks."""
    began = time.perf_counter()
    for number in range(count):
        ask(number)
    return (time.perf_counter() - began) * 1000 / count


def measure(tree: ActorTree, runs: int, count: int) -> dict[str, list[float]]:
    asks: dict[str, Callable[[int, int], Any]] = {
        "plain": lambda run, n: tree.ask("plain", "count"),
        "durable, nothing changed": lambda run, n: tree.ask("small", "look"),
        "durable, small state": lambda run, n: tree.ask("small", "count"),
        "durable, 10 kB state": lambda run, n: tree.ask("large", "count"),
        "durable, with a key": lambda run, n: tree.ask("keyed", "count", idempotency_key=f"{run}-{n}"),
    }
    found: dict[str, list[float]] = {name: [] for name in asks}
    for run in range(runs):
        for name, ask in asks.items():
            found[name].append(ms_each(lambda n, run=run, ask=ask: ask(run, n), count))  # type: ignore[misc]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=200, help="asks of each kind in each run")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".durable-") as folder:
        spec = SupervisorSpec(id="root", children=CHILDREN)
        with ActorTree.start(spec, state_dir=folder) as tree:
            found = measure(tree, options.runs, options.count)
    rows = {
        name: {"median_ms": statistics.median(each), "min_ms": min(each), "max_ms": max(each)}
        for name, each in found.items()
    }
    if options.json:
        print(json.dumps({"runs": options.runs, "count": options.count, "results": rows}))
        return
    for name, row in rows.items():
        print(f"{name:26} {row['median_ms']:7.3f} ms  ({row['min_ms']:.3f}-{row['max_ms']:.3f})")


if __name__ == "__main__":
    main()

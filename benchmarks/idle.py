"""What doing nothing costs: the share of one core that idle trees use, and the memory of one idle actor.

    python benchmarks/idle.py [--seconds 20] [--runs 3] [--settle 3] [--json]

Four trees, each measured ``runs`` times over ``seconds``; medians with least and most:

    aidos       the default AIDOS tree with two workers: guardian and watchman, template, launcher, admin, logger,
                all actors
    served      the same, as ``aidos serve`` has it: there the guardian is the command's own process
    watched     21 actor processes: a root and 20 children that it watches for hanging, ``heartbeat_s`` 5
    unwatched   the same without a heartbeat: no timer runs at all
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chaos.sight import RUNNING, Sight, by_door
from supervisors import ActorTree, ChildInfo, ChildSpec, ManagedActor, SupervisorSpec
from supervisors.linux import descendants, start_ticks

CHILDREN = 20
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Idle(ManagedActor):
    """Does nothing, and is imported with nothing."""


@contextmanager
def actors(heartbeat_s: float | None) -> Iterator[list[int]]:
    """A root with idle children; the pids of the children."""
    children = tuple(ChildSpec(f"c{n}", Idle, heartbeat_s=heartbeat_s) for n in range(CHILDREN))
    spec = SupervisorSpec("root", children=children)
    with tempfile.TemporaryDirectory() as folder, ActorTree.start(spec, state_dir=folder) as tree:
        yield pids(tree.which_children("root"))


@contextmanager
def aidos() -> Iterator[list[int]]:
    """The default tree; the pids of its workers."""
    from aidos_actors import Runtime

    with tempfile.TemporaryDirectory() as folder, Runtime(state_dir=folder, workers=2) as runtime:
        yield pids(runtime.tree.which_children("root/workers"))


@contextmanager
def served() -> Iterator[list[int]]:
    """The default tree as a service; the pids of its workers."""
    with tempfile.TemporaryDirectory() as folder:
        look = by_door(Path(folder))
        argv = [sys.executable, "-P", "-m", "aidos_actors", "serve", "--state", folder, "--workers", "2"]
        with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as service:
            try:
                yield until(lambda: workers_of(look()))
            finally:
                service.terminate()


def workers_of(sight: Sight | None) -> list[int]:
    """Those of both workers, or none."""
    nodes = sight.nodes if sight is not None else ()
    found = [node.pid for node in nodes if "/workers/" in node.path and node.state == RUNNING and node.pid is not None]
    return found if len(found) == 2 else []


def until(look: Callable[[], list[int]], within_s: float = 60.0) -> list[int]:
    """What is found at last. TimeoutError."""
    over_at = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > over_at:
            raise TimeoutError("it did not come up")
        time.sleep(0.05)
    return found


def pids(infos: list[ChildInfo]) -> list[int]:
    return [info.pid for info in infos if info.pid is not None]


TREES = {"aidos": aidos, "served": served, "watched": lambda: actors(5.0), "unwatched": lambda: actors(None)}


def cpu_ticks(pid: int) -> int:
    """User and system time of a living process; 0 for one that has gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def pss_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def measure(name: str, seconds: float, runs: int, settle_s: float) -> dict[str, Any]:
    """One tree, started once and left alone ``runs`` times, after it had ``settle_s`` seconds to come to rest."""
    with TREES[name]() as leaves:
        time.sleep(settle_s)
        everything = [pid for pid in descendants(os.getpid()) if start_ticks(pid) is not None]
        shares = []
        for _ in range(runs):
            before, began_at = {pid: cpu_ticks(pid) for pid in everything}, time.monotonic()
            time.sleep(seconds)
            used = sum(cpu_ticks(pid) - before[pid] for pid in everything)
            shares.append(100.0 * used / TICKS_PER_S / (time.monotonic() - began_at))
        memory = [pss_bytes(pid) for pid in leaves]
        return {
            "processes": len(everything),
            "cpu_percent_of_a_core": spread(shares, 3),
            "pss_bytes_per_idle_actor": spread(memory, 0),
            "pss_bytes_of_all": sum(pss_bytes(pid) for pid in everything),
        }


def spread(values: list[Any], digits: int) -> dict[str, float]:
    low, middle, high = min(values), statistics.median(values), max(values)
    return {"median": round(middle, digits), "least": round(low, digits), "most": round(high, digits)}


def line(name: str, found: dict[str, Any]) -> str:
    cpu, memory = found["cpu_percent_of_a_core"], found["pss_bytes_per_idle_actor"]
    return (
        f"{name:10} {found['processes']:3} processes   "
        f"CPU {cpu['median']:.2f} % of a core ({cpu['least']:.2f}–{cpu['most']:.2f})   "
        f"PSS {memory['median'] / 1e6:.2f} MB per idle actor ({memory['least'] / 1e6:.2f}–{memory['most'] / 1e6:.2f})"
        f"   {found['pss_bytes_of_all'] / 1e6:.0f} MB in all"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="What idle trees cost.")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of one run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--settle", type=float, default=3.0, help="seconds before the first run")
    parser.add_argument("--tree", choices=sorted(TREES), action="append", help="only this one; may be repeated")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    found = {}
    for name in options.tree or TREES:
        found[name] = measure(name, options.seconds, options.runs, options.settle)
        if not options.json:
            print(line(name, found[name]), flush=True)
    if options.json:
        machine = {"cpus": os.cpu_count(), "load": os.getloadavg()[0], "python": sys.version.split()[0]}
        print(json.dumps({"seconds": options.seconds, "runs": options.runs, "machine": machine, "trees": found}))


if __name__ == "__main__":
    main()

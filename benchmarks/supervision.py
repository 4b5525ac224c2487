"""How fast a killed actor is noticed and replaced, beside a plain fork; milliseconds, one run.

python benchmarks/supervision.py [--kills 100] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import statistics
import tempfile
import time
from typing import Any

from supervisors import ActorTree, ChildSpec, ManagedActor, SupervisorError, SupervisorSpec


class Echo(ManagedActor):
    def receive(self, message: Any, sender: str | None) -> None:
        self.reply(message)


def fork_noticed(kills: int) -> list[float]:
    """SIGKILL of a forked child until its pidfd says so: what the kernel alone takes."""
    found = []
    for _ in range(kills):
        pid = os.fork()
        if pid == 0:
            signal.pause()
        pidfd = os.pidfd_open(pid)
        began_at = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        select.select([pidfd], [], [])
        found.append((time.monotonic() - began_at) * 1000)
        os.close(pidfd)
        os.waitpid(pid, 0)
    return found


def actor(kills: int) -> tuple[list[float], list[float]]:
    """SIGKILL of an actor until its supervisor noted it, and until the replacement answered somebody outside."""
    noticed, answering = [], []
    spec = SupervisorSpec("root", children=[ChildSpec("echo", Echo)], max_restarts=10 * kills)
    with tempfile.TemporaryDirectory() as folder, ActorTree.start(spec, state_dir=folder) as tree:
        for _ in range(kills):
            pid = tree.which_children("root")[0].pid
            assert pid is not None
            wall, began_at = time.time(), time.monotonic()
            os.kill(pid, signal.SIGKILL)
            while not answers(tree):
                pass
            answering.append((time.monotonic() - began_at) * 1000)
            ended = next(each for each in tree.events() if each.type == "exited" and each.pid == pid)
            noticed.append((ended.at - wall) * 1000)
    return noticed, answering


def answers(tree: ActorTree) -> bool:
    try:
        return bool(tree.ask("echo", True))
    except SupervisorError as error:
        if error.code not in ("restarting", "actor_failed"):
            raise
        return False


def spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    named = {"median": statistics.median(ordered), "p99": p99, "least": ordered[0], "most": ordered[-1]}
    return {name: round(value, 2) for name, value in named.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast supervision is.")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    forks = fork_noticed(options.kills)
    noticed, answering = actor(options.kills)
    measured = {"fork: kill -> noticed": forks, "kill -> noticed": noticed, "kill -> answering": answering}
    found = {name: spread(values) for name, values in measured.items()}
    if options.json:
        print(json.dumps({"kills": options.kills, "load": os.getloadavg()[0], "milliseconds": found}))
        return
    for name, each in found.items():
        print(f"{name:22} {each['median']:8.2f} ({each['least']:.2f}–{each['most']:.2f})  p99 {each['p99']:.2f} ms")


if __name__ == "__main__":
    main()

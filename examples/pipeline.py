"""A pipeline under rest_for_one: when a stage dies, it and the stages after it start anew; those before it go on.

python examples/pipeline.py
"""

from __future__ import annotations

import tempfile
import time
from typing import Any

from supervisors import ActorTree, ChildSpec, ManagedActor, Strategy, SupervisorError, SupervisorSpec


class Reader(ManagedActor):
    def receive(self, message: Any, sender: str | None) -> None:
        for word in message.split():
            self.send("counter", word)


class Counter(ManagedActor):
    """Keeps counts only in memory; the printer after it must not outlive them."""

    def on_start(self) -> None:
        self.counts: dict[str, int] = {}

    def receive(self, message: Any, sender: str | None) -> None:
        if message == "crash":
            raise RuntimeError("told to crash")
        self.counts[message] = self.counts.get(message, 0) + 1
        self.send("printer", (message, self.counts[message]))


class Printer(ManagedActor):
    def on_start(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def receive(self, message: Any, sender: str | None) -> None:
        if message == "seen":
            self.reply(self.seen)
        else:
            self.seen.append(message)


def wait_for(tree: ActorTree, count: int) -> list[tuple[str, int]]:
    """What the printer has seen, once that is ``count`` words."""
    while True:
        try:
            seen: list[tuple[str, int]] = tree.ask("printer", "seen")
            if len(seen) >= count:
                return seen
        except SupervisorError as error:
            if error.code not in ("restarting", "actor_failed"):
                raise
        time.sleep(0.01)


def main() -> None:
    stages = [ChildSpec(id=actor.__name__.lower(), actor=actor) for actor in (Reader, Counter, Printer)]
    spec = SupervisorSpec(id="root", strategy=Strategy.REST_FOR_ONE, children=stages)
    with tempfile.TemporaryDirectory() as folder, ActorTree.start(spec, state_dir=folder) as tree:
        tree.tell("reader", "to be or not to be")
        print("before the crash:", wait_for(tree, 6))
        before = {info.id: info.pid for info in tree.which_children("root")}
        tree.tell("counter", "crash")
        while sum(event.type == "started" for event in tree.events() if event.path == "root/printer") < 2:
            time.sleep(0.01)
        tree.tell("reader", "to be")
        print("after the crash:", wait_for(tree, 2))
        after = {info.id: info.pid for info in tree.which_children("root")}
        print("started anew:", [name for name in before if before[name] != after[name]])


if __name__ == "__main__":
    main()

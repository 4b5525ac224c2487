"""Messages from one actor to another, ours beside plain Thespian: python benchmarks/messages.py [--rounds 9] [--json]

Ours are signed, kept until they are begun, and in order. Plain Thespian (multiprocTCPBase, loopback, a system of its
own in a process of its own) has the same two actors in the same roles. Both send the same payloads with the same flow
control, ten messages on the way at most, each acknowledged by its receiver when it begins to handle it:

    tell   message → begun                                  2 on the wire for each
    ask    question → begun, answer → begun                 4 on the wire for each; ten asked at once, or one

so what is compared is what signing, numbering and keeping cost, not whether somebody acknowledges. What plain Thespian
does without that is shown too and has no goal: a tell acknowledged once for ten, and an ask whose answer is all that
comes back. The sides take turns in each round; the ratio is taken within a round. Messages for each second.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from typing import Any

from bare import plain_thespian
from rows import Row, machine, table

from supervisors import ActorTree, ChildSpec, ManagedActor, SupervisorSpec
from supervisors.outbox import KEPT_MAX, WINDOW

RATIO_GOAL = 0.9
PATIENCE_S = 120.0
# What is measured: name, what ours does, how many at once, what plain Thespian does, with the same care and with less.
KINDS = (
    ("tell", "tell", WINDOW, "tell", "tell, unacknowledged"),
    ("ask", "ask", WINDOW, "ask", "ask, unacknowledged"),
    ("ask, one at a time", "ask", 1, "ask", "ask, unacknowledged"),
)


class Peer(ManagedActor):
    """Answers a question; says when the last tell has come."""

    def receive(self, message: Any, sender: str | None) -> None:
        wants, payload = message
        if wants == "answer":
            self.send("driver", ("answer", payload))
        elif wants == "last":
            self.send("driver", ("end", b""))


class Driver(ManagedActor):
    """Sends ``count`` messages, ``window`` at once, and replies how long it took."""

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case ("tell", count, size, _window):
                self.client, payload, self.began_at = self.asked(), bytes(size), time.monotonic()
                for left in reversed(range(count)):
                    if not self.send("peer", ("last" if left == 0 else "", payload)):
                        raise ValueError(f"more than {KEPT_MAX} messages in one round")
            case ("ask", count, size, window):
                self.client, self.payload = self.asked(), bytes(size)
                self.left, self.open, self.began_at = count, 0, time.monotonic()
                for _ in range(min(count, window)):
                    self.question()
            case ("answer", _):
                self.open -= 1
                if self.left:
                    self.question()
                elif not self.open:
                    self.finish()
            case ("end", _):
                self.finish()

    def question(self) -> None:
        self.left, self.open = self.left - 1, self.open + 1
        self.send("peer", ("answer", self.payload))

    def finish(self) -> None:
        self.reply(time.monotonic() - self.began_at, to=self.client)


def measure(tree: ActorTree, bare: Callable[..., Any], rounds: int, count: int, size: int) -> list[Row]:
    """All kinds, the sides in turns; the first round of each warms up and is left out."""
    rows = []
    for name, our_kind, window, same_kind, less_kind in KINDS:

        def ours(kind: str = our_kind, window: int = window) -> float:
            return float(count / tree.ask("driver", (kind, count, size, window), PATIENCE_S))

        def theirs(kind: str, window: int = window) -> float:
            return float(count / bare("messages", kind, count, size, window))

        sides: list[tuple[list[float], Callable[[], float]]] = [
            ([], ours),
            ([], lambda kind=same_kind, theirs=theirs: theirs(kind)),  # type: ignore[misc]
            ([], lambda kind=less_kind, theirs=theirs: theirs(kind)),  # type: ignore[misc]
        ]
        for turn in range(rounds + 1):
            for found, run in sides if turn % 2 else reversed(sides):
                found.append(run())
        mine, same, less = (found[1:] for found, _ in sides)
        ratios = [one / other for one, other in zip(mine, same, strict=True)]
        rows += [
            Row(f"{name}: ours", mine, unit="/s"),
            Row(f"{name}: plain Thespian", same, unit="/s"),
            Row(f"{name}: ours / plain", ratios, unit="", goals={"median": RATIO_GOAL}, at_least=True),
            Row(f"{name}: plain, less acknowledged", less, unit="/s"),
        ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Actor-to-actor messages, ours beside plain Thespian.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--count", type=int, default=KEPT_MAX, help=f"messages in a round, at most {KEPT_MAX}")
    parser.add_argument("--bytes", type=int, default=100, help="of each payload")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    if not 1 <= options.count <= KEPT_MAX:
        parser.error(f"--count must be from 1 to {KEPT_MAX}")
    spec = SupervisorSpec("root", children=(ChildSpec("peer", Peer), ChildSpec("driver", Driver)))
    with (
        tempfile.TemporaryDirectory() as folder,
        ActorTree.start(spec, state_dir=folder) as tree,
        plain_thespian() as bare,
    ):
        rows = measure(tree, bare, options.rounds, options.count, options.bytes)
    if options.json:
        asked = {"rounds": options.rounds, "count": options.count, "bytes": options.bytes}
        print(json.dumps({**asked, "machine": machine(), "rows": [row.as_json() for row in rows]}))
    else:
        print(table(rows))


if __name__ == "__main__":
    main()

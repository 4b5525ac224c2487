"""The durable peers of ``throughput.py``, in turns with what it measures of ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from peers.roster import PEERS, run
from peers.servers import Missing
from rows import Row

WARM_UP = 40
RATIO_GOAL = 5.0
MEASURES = {"drain": "drain", "accepted": "singles, accepted", "singles": "singles, done"}


@dataclass
class Beside:
    """One peer: what its runs found, or why there are none."""

    name: str
    count: int = WARM_UP
    singles: int = WARM_UP
    found: list[dict[str, Any]] = field(default_factory=list)
    skipped: str = ""

    def run(self) -> dict[str, Any] | None:
        if self.skipped:
            return None
        try:
            return run(self.name, self.count, self.singles)
        except Missing as missing:
            self.skipped = str(missing)
            return None


def warmed_up(cut: Callable[[float, int], int], count_max: int, singles_max: int) -> list[Beside]:
    """All peers, each with as many tasks as ``cut`` makes of what it did in a second."""
    peers = [Beside(name, min(WARM_UP, count_max), min(WARM_UP, singles_max)) for name in PEERS]
    for peer in peers:
        if found := peer.run():
            peer.count, peer.singles = cut(found["drain"], count_max), cut(found["singles"], singles_max)
    return peers


def take_turns(peers: list[Beside], turn: int) -> None:
    """One run of each, in the other order every other time."""
    for peer in peers if turn % 2 else reversed(peers):
        if found := peer.run():
            peer.found.append(found)


def rows_of(peers: list[Beside], measure: str) -> list[Row]:
    """A row for each peer."""
    rows = []
    for peer in peers:
        name = f"{MEASURES[measure]}: {peer.name}"
        if peer.skipped:
            rows.append(Row(name, skipped=peer.skipped))
            continue
        one, count = peer.found[0], peer.count if measure == "drain" else peer.singles
        how = f"{one['durable']}; {count} tasks; {one['version']}"
        rows.append(Row(name, [each[measure] for each in peer.found], unit="/s", how=how))
    return rows


def ratio_row(ours: list[float], peers: list[Beside], measure: str) -> Row:
    """Ours by the peer with the best median, each within a run."""
    name = f"{MEASURES[measure]}: ours / best peer"
    there = [peer for peer in peers if not peer.skipped]
    if not there:
        return Row(name, skipped="no peer was measured")
    best = max(there, key=lambda peer: median(each[measure] for each in peer.found))
    ratios = [mine / each[measure] for mine, each in zip(ours, best.found, strict=True)]
    goals = {"median": RATIO_GOAL} if measure == "drain" else {}
    return Row(name, ratios, unit="", goals=goals, at_least=True, how=f"the best: {best.name}")

"""A running system as seen from outside: which process is what. Two ways to look, one value."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from supervisors.calls import Caller, ProtocolMismatch, Unanswered, connect_to
from supervisors.errors import SupervisorError

LOOK_TIMEOUT_S = 0.25
COMMAND_TIMEOUT_S = 20.0
SYSTEM_NODES = ("guardian", "admin", "logger", "launcher")
RUNNING = "running"


class Node(Struct, frozen=True):
    """One process of the tree. ``kind``: supervisor or worker (a leaf), as the tree says."""

    path: str
    kind: str
    state: str
    pid: int | None


class Sight(Struct, frozen=True):
    """The whole system at one moment. ``system``: guardian, admin, logger, launcher -> pid, as far as known."""

    nodes: tuple[Node, ...] = ()
    system: Mapping[str, int] = field(default_factory=dict)

    @property
    def pids(self) -> frozenset[int]:
        return frozenset(self.system.values()) | {node.pid for node in self.nodes if node.pid is not None}

    def has_back(self, before: Sight, dead: frozenset[int]) -> bool:
        """Whether everything that ran in ``before`` runs again, none of it in a process that was killed."""
        if dead & self.pids or set(before.system) - set(self.system):
            return False
        return not _running(before) - _running(self)


Look = Callable[[], Sight | None]


def by_door(state_dir: Path) -> Look:
    """Looks through the control socket, which takes a millisecond. None while nothing answers."""
    caller = Caller(lambda: connect_to(state_dir), trusted=False)

    def look() -> Sight | None:
        try:
            pids = caller.call("ping", "", {}, LOOK_TIMEOUT_S)["pids"]
            return sight_of({**caller.call("tree", "", {}, LOOK_TIMEOUT_S), "pids": pids})
        except (OSError, SupervisorError, Unanswered, ProtocolMismatch):
            return None

    return look


def by_command(command: Sequence[str], state_dir: Path) -> Look:
    """Looks by ``COMMAND tree --json``, the public surface; a fifth of a second each. None when it does not answer."""

    def look() -> Sight | None:
        argv = [*command, "tree", "--json", "--state", str(state_dir)]
        try:
            done = subprocess.run(argv, capture_output=True, timeout=COMMAND_TIMEOUT_S)
            answer = json.loads(done.stdout)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return None
        return sight_of(answer["data"]) if answer.get("ok") else None

    return look


def sight_of(tree: Mapping[str, Any]) -> Sight:
    """From the data of ``tree --json``, or from the door's answer with ``pids`` beside it."""
    said = tree.get("pids") or {name: tree.get(f"{name}_pid") for name in SYSTEM_NODES}
    system = {name: int(said[name]) for name in SYSTEM_NODES if said.get(name)}
    nodes = tuple(_nodes(tree, ""))
    root = said.get("root")
    if root and nodes and nodes[0].pid is None:
        nodes = (Node(nodes[0].path, nodes[0].kind, nodes[0].state, int(root)), *nodes[1:])
    return Sight(nodes, system)


def _nodes(node: Mapping[str, Any], above: str) -> Iterator[Node]:
    info = node.get("node", node)
    path = f"{above}/{info['id']}" if above else str(info["id"])
    yield Node(path, str(info["kind"]), str(info["state"]), info.get("pid"))
    for child in node.get("children", ()):
        yield from _nodes(child, path)


def _running(sight: Sight) -> Counter[str]:
    """How many children of each supervisor run; instances of a pool may come back under another name."""
    return Counter(node.path.rpartition("/")[0] for node in sight.nodes if node.state == RUNNING)

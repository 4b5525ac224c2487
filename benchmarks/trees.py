"""Whole trees: started and stopped, and brought back by the guardian when the system died under them. Milliseconds."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable

from measured_actors import HEALING, PATIENCE_S, PAUSE_S, Echo, ms_since, successor
from rows import Row

from supervisors import ActorTree, ChildSpec, SupervisorError, SupervisorSpec

FAN_OUT = 50
WORKERS = 2


def large(runs: int, actors: int) -> list[Row]:
    """A root with supervisors of at most 50 actors each: until all have started, and until no process is left."""
    up, down = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            began_at = time.monotonic()
            tree = ActorTree.start(nested(actors), state_dir=folder)
            up.append(ms_since(began_at))
            began_at = time.monotonic()
            tree.stop()
            down.append(ms_since(began_at))
    return [Row(f"tree of {actors} actors: up", up), Row(f"tree of {actors} actors: down", down)]


def nested(actors: int) -> SupervisorSpec:
    numbers = range(actors)
    groups = [numbers[begin : begin + FAN_OUT] for begin in range(0, actors, FAN_OUT)]
    inner = [
        SupervisorSpec(f"s{place}", children=tuple(ChildSpec(f"c{number}", Echo) for number in group))
        for place, group in enumerate(groups)
    ]
    return SupervisorSpec("root", children=tuple(inner))


def system(runs: int) -> list[Row]:
    """The admin killed until an actor of the next system answers. Each time a fresh tree: the guardian waits 0.1 s
    before the first revival, and longer before the next."""
    found = []
    spec = SupervisorSpec("root", children=(ChildSpec("it", Echo),))
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder, ActorTree.start(spec, state_dir=folder) as tree:
            before, began_at = int(tree.ask("it", "who?")), time.monotonic()
            os.kill(tree.pids["admin"], signal.SIGKILL)
            successor(tree, "it", before)
            found.append(ms_since(began_at))
    return [Row("admin killed → root and actor answering", found, goals={"median": 300.0})]


def aidos(runs: int) -> list[Row]:
    """The same for the default AIDOS tree, until the Scheduler answers and all actors run, and how long a first start
    takes."""
    from aidos_actors import Runtime
    from aidos_actors.actors.words import SCHEDULER

    starting, found = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            began_at = time.monotonic()
            with Runtime(state_dir=folder, workers=WORKERS) as runtime:
                tree = runtime.tree
                before = when(lambda tree=tree: ready(tree, SCHEDULER, set()))  # type: ignore[misc]
                starting.append(ms_since(began_at))
                began_at = time.monotonic()
                os.kill(tree.pids["admin"], signal.SIGKILL)
                when(lambda tree=tree, before=before: ready(tree, SCHEDULER, before))  # type: ignore[misc]
                found.append(ms_since(began_at))
    return [
        Row("default AIDOS tree: started → ready", starting),
        Row("default AIDOS tree: admin killed → ready", found, goals={"median": 1000.0}),
    ]


def ready(tree: ActorTree, scheduler: str, before: set[int]) -> set[int]:
    """The pids of its actors, when none of ``before`` is among them, all run, and the Scheduler answers."""
    names = ("root/scheduling", "root/analysis", "root/delivery", "root/workers")
    infos = [info for name in names for info in tree.which_children(name)]
    pids = {info.pid for info in infos if info.pid is not None and info.state == "running"}
    if len(pids) < len(infos) or pids & before or "error" in tree.ask(scheduler, {"verb": "events", "after_seq": 0}):
        return set()
    return pids


def when(look: Callable[[], set[int]]) -> set[int]:
    """What ``look`` finds, as soon as it finds something in a system that may be healing."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            if found := look():
                return found
        except SupervisorError as error:
            if error.code not in HEALING:
                raise
        time.sleep(PAUSE_S)
    raise RuntimeError(f"not ready after {PATIENCE_S:g} s")

"""One process killed: how fast that is noticed, and how fast somebody answers in its place. Milliseconds."""

from __future__ import annotations

import os
import select
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bare import plain_thespian
from measured_actors import Echo, ms_since, successor
from rows import Row

from supervisors import ActorTree, ChildSpec, Strategy, SupervisorSpec

SIBLINGS = 20
RESTORED_TO_PLAIN = 3.2  # 25 ms of the 7.7 ms in which plain Thespian made an actor where that goal was set
MANY = 10**6


def fork_noticed(kills: int) -> list[Row]:
    """SIGKILL of a forked child until its pidfd says so: what the kernel alone takes."""
    found = []
    for _ in range(kills):
        pid = os.fork()
        if pid == 0:
            signal.pause()
            os._exit(0)
        pidfd = os.pidfd_open(pid)
        began_at = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        select.select([pidfd], [], [])
        found.append(ms_since(began_at))
        os.close(pidfd)
        os.waitpid(pid, 0)
    return [Row("fork: kill → noticed", found)]


def actor(kills: int) -> list[Row]:
    """SIGKILL of an actor until its supervisor noted it, and until the replacement answered somebody outside."""
    noticed, answering = killed(ChildSpec("it", Echo), kills)
    return [
        Row("kill → noticed", noticed, goals={"p99": 10.0}),
        Row("kill → replacement answering, no state", answering),
    ]


def durable(kills: int) -> list[Row]:
    """The replacement has the 10 kB of state again that the killed one had stored. A new process of plain Thespian is
    made after each kill: what 25 ms are on a machine that takes longer to fork, the ratio says."""
    from measured_keeper import Keeper

    plain: list[float] = []
    with plain_thespian() as ask:
        _, answering = killed(ChildSpec("it", Keeper), kills, lambda: plain.append(ask("create") * 1000))
    goals, ratios = {"median": 25.0, "p99": 100.0}, [ours / bare for ours, bare in zip(answering, plain, strict=True)]
    return [
        Row("kill → replacement answering, 10 kB restored", answering, goals=goals),
        Row("  of plain Thespian's createActor", ratios, "times", {"median": RESTORED_TO_PLAIN}),
    ]


def killed(child: ChildSpec, kills: int, between: Callable[[], None] = lambda: None) -> tuple[list[float], list[float]]:
    noticed, answering = [], []
    spec = SupervisorSpec("root", children=[child], max_restarts=MANY)
    with tempfile.TemporaryDirectory() as folder, ActorTree.start(spec, state_dir=folder) as tree:
        pid = first(tree)
        for _ in range(kills):
            before, wall, began_at = pid, time.time(), time.monotonic()
            os.kill(before, signal.SIGKILL)
            pid = successor(tree, child.id, before)
            answering.append(ms_since(began_at))
            ended = next(each for each in reversed(tree.events()) if each.type == "exited" and each.pid == before)
            noticed.append((ended.at - wall) * 1000)
            between()
    return noticed, answering


def first(tree: ActorTree) -> int:
    pid = tree.which_children("root")[0].pid
    assert pid is not None
    return pid


def plain_create(creations: int) -> list[Row]:
    """What plain Thespian takes for a new actor to answer, called from outside; it notices no death by itself."""
    with plain_thespian() as ask:
        found = [ask("create") * 1000 for _ in range(creations)]
    return [Row("plain Thespian: createActor → first answer", found)]


def one_for_all(kills: int) -> list[Row]:
    """One of 20 killed until all 20 answer again, each from a new process."""
    children = tuple(ChildSpec(f"c{number}", Echo) for number in range(SIBLINGS))
    spec = SupervisorSpec("root", Strategy.ONE_FOR_ALL, children, max_restarts=MANY)
    found = []
    with tempfile.TemporaryDirectory() as folder, ActorTree.start(spec, state_dir=folder) as tree:
        pids = {info.id: int(info.pid or 0) for info in tree.which_children("root")}
        for turn in range(kills):
            began_at = time.monotonic()
            os.kill(pids[f"c{turn % SIBLINGS}"], signal.SIGKILL)
            pids = {name: successor(tree, name, before) for name, before in reversed(pids.items())}
            found.append(ms_since(began_at))
            pids = dict(sorted(pids.items(), key=lambda item: int(item[0][1:])))
    return [Row(f"one_for_all of {SIBLINGS}: one killed → all answering", found)]


def otp(kills: int) -> list[Row]:
    """The same in Erlang, whose processes are no processes of the machine."""
    from otp import restarts_ms

    name = "OTP: kill → replacement answering"
    found = restarts_ms(kills, Path(__file__).with_name("otp_restarts.erl"))
    return [Row(name, skipped=found) if isinstance(found, str) else Row(name, found)]

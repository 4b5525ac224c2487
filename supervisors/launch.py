"""The process that starts one system and attends it to its end; the guardian starts a fresh one for the next.

Before anything else it is bound to its guardian's life; everything it inherits and is told comes from the guardian.
"""

from __future__ import annotations

import gc
import os
import pickle
import socket
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from msgspec import Struct

from supervisors.door import Door
from supervisors.launcher import Launcher
from supervisors.linux import die_with_parent
from supervisors.snapshots.premises import settle
from supervisors.specs import SupervisorSpec
from supervisors.title import take_title


class Orders(Struct, frozen=True):
    """What the guardian gives a launcher, in memory. Descriptors are inherited."""

    spec: bytes
    main: dict[str, Any]
    state_dir: str
    title: str
    guardian_pid: int
    listener_fd: int
    channel_fd: int | None
    guardian_fd: int
    before_stop: tuple[str, Any, float] | None
    admission: tuple[str, str, tuple[Any, ...]] | None
    attended: bool
    not_before: float


def main(body: bytes) -> None:
    """Run one system to its end. Exits 0 when the root said why it ended; the guardian is told before."""
    orders: Orders = pickle.loads(body)  # noqa: S301 - from our own guardian, in memory
    die_with_parent(orders.guardian_pid)
    guardian = socket.socket(fileno=orders.guardian_fd)
    word = "unfit"
    try:
        if orders.admission is not None:
            module, function, args = orders.admission
            getattr(import_module(module), function)(orders.attended, *args)
        word = "start_failed"
        spec = _described(orders)
    except BaseException as error:
        from supervisors.errors import reason_of

        guardian.send(pickle.dumps((word, reason_of(error))))
        raise
    portal = _started(spec, orders, guardian)
    listener = socket.socket(fileno=orders.listener_fd)
    channel = socket.socket(fileno=orders.channel_fd) if orders.channel_fd is not None else None
    reason = Launcher(portal, Door(listener, channel), guardian, orders.before_stop).run()
    was_up = portal.is_up
    guardian.send(pickle.dumps(("ended" if was_up else "start_failed", reason)))
    portal.shutdown()
    os._exit(0)


def _described(orders: Orders) -> SupervisorSpec:
    """The tree to start, its classes imported. What fails here fails each time: the starter must act."""
    take_title(f"{orders.title} launcher")
    if orders.main:
        from multiprocessing import spawn

        spawn.prepare(dict(orders.main))
    spec: SupervisorSpec = pickle.loads(orders.spec)  # noqa: S301 - from the host that started us, in memory
    for name in spec.preload:
        __import__(name)
    settle(Path(orders.state_dir))
    if "supervisors.durable" in sys.modules:  # imported once before the forks, not by each durable child
        __import__("supervisors.snapshots.diskcache")
    (Path(orders.state_dir) / "log").mkdir(exist_ok=True)
    return spec


def _started(spec: SupervisorSpec, orders: Orders, guardian: socket.socket) -> Any:
    """The running system. What fails here is the machine's fault of the moment (a port taken, an admin too slow): this
    process ends without a word, and the guardian tries again with a fresh one."""
    from supervisors.systems.thespian_portal import Portal

    log_dir = Path(orders.state_dir) / "log"
    private = [orders.listener_fd, orders.guardian_fd]
    if orders.channel_fd is not None:
        private.append(orders.channel_fd)
    gc.collect()
    gc.freeze()
    time.sleep(max(0.0, orders.not_before - time.monotonic()))
    portal = Portal(spec, log_dir, orders.title, orders.guardian_pid, private)
    guardian.send(pickle.dumps(("pids", portal.pids())))
    sys.stderr.flush()
    return portal

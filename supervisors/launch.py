"""The process that starts one system and attends it to its end; the guardian has a fresh one forked for the next.

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

from supervisors.boot import load_main
from supervisors.charge import Descriptors, Orders
from supervisors.door import Door
from supervisors.launcher import Launcher
from supervisors.linux import die_with_parent, start_ticks
from supervisors.snapshots.premises import settle
from supervisors.specs import SupervisorSpec
from supervisors.title import take_title


def be_born(orders: Orders, given: Descriptors) -> None:
    """This process, a child of the guardian, ends with it, and the guardian knows who it is. It ends at once when the
    guardian has ended, or wants no launcher any more."""
    die_with_parent(orders.guardian_pid)
    take_title(f"{orders.title} launcher")
    guardian = socket.socket(fileno=given.guardian)
    try:
        guardian.send(pickle.dumps(("born", os.getpid(), start_ticks(os.getpid()))))
    except OSError:
        os._exit(77)
    guardian.detach()


def main(body: bytes) -> None:
    """Be a launcher that has been born already, and was exec'ed since."""
    orders, given = pickle.loads(body)  # noqa: S301 - from our own guardian, in memory
    take_title(f"{orders.title} launcher")
    run(orders, given)


def run(orders: Orders, given: Descriptors) -> None:
    """Run one system to its end. Exits 0 when the root said why it ended; the guardian is told before."""
    guardian = socket.socket(fileno=given.guardian)
    word = "unfit"
    try:
        if orders.admission is not None:
            module, function, args = orders.admission
            getattr(import_module(module), function)(orders.attended, *args)
        word = "start_failed"
        spec = described(orders.spec, orders.main)
        settle(Path(orders.state_dir))
        (Path(orders.state_dir) / "log").mkdir(exist_ok=True)
    except BaseException as error:
        from supervisors.errors import reason_of

        guardian.send(pickle.dumps((word, reason_of(error))))
        raise
    portal = _started(spec, orders, given, guardian)
    listener = socket.socket(fileno=given.listener)
    channel = socket.socket(fileno=given.channel) if given.channel is not None else None
    Launcher(portal, Door(listener, channel), guardian, orders.before_stop).run()
    portal.shutdown()
    os._exit(0)


def described(body: bytes, main_file: dict[str, Any]) -> SupervisorSpec:
    """The tree to start, its classes imported. What fails here fails each time: the starter must act."""
    if main_file:
        load_main(main_file)
    spec: SupervisorSpec = pickle.loads(body)  # noqa: S301 - from the host that started us, in memory
    for name in spec.preload:
        __import__(name)
    if "supervisors.durable" in sys.modules:  # imported once before the forks, not by each durable child
        __import__("supervisors.snapshots.diskcache")
    return spec


def _started(spec: SupervisorSpec, orders: Orders, given: Descriptors, guardian: socket.socket) -> Any:
    """The running system. What fails here is the machine's fault of the moment (a port taken, an admin too slow): this
    process ends without a word, and the guardian tries again with a fresh one."""
    from supervisors.systems.thespian_portal import Portal

    log_dir = Path(orders.state_dir) / "log"
    private = [given.listener, given.guardian]
    if given.channel is not None:
        private.append(given.channel)
    gc.collect()
    gc.freeze()
    time.sleep(max(0.0, orders.not_before - time.monotonic()))
    portal = Portal(spec, log_dir, orders.title, private)
    guardian.send(pickle.dumps(("pids", portal.pids())))
    guardian.send(pickle.dumps(("allowed", spec.stop_s)))
    sys.stderr.flush()
    return portal

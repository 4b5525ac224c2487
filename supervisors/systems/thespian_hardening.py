"""What Thespian 4.0.1 needs before it may carry anything: applied once in the launcher, inherited by every fork.

Thespian's ``multiprocTCPBase`` listens on all interfaces, unpickles whatever arrives, leaves orphans when its admin
dies, has an actor for a logger whose death takes the admin with it, and spins for ever after a SIGSEGV. Each is put
right here by exchanging one private name; the version is pinned because of that.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from supervisors.linux import die_with_parent
from supervisors.systems.listening import bound_what_is_read, listen_on_loopback_and_verify
from supervisors.systems.logger import PipeHandler
from supervisors.systems.ordered import send_in_order
from supervisors.systems.signatures import Refusals, SignedPickle
from supervisors.systems.turns import spend_fewer_turns

ENDING_SIGNALS = (
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL),
    *(signal.SIGABRT, signal.SIGTERM, signal.SIGQUIT),
)
"""By these a process ends at once, and as one that was ended by a signal. Thespian's own handlers spin for ever after
the first four, and end after the others as if all were well."""

IGNORED_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ)
"""The write that was too much for a pipe or a limit raises OSError, as everywhere in Python. Thespian's handler writes
to a log of its own, and so is called again within itself, for ever."""

after_fork: list[Callable[[], None]] = []
"""Called first thing in every process of the system: closes what it must not inherit."""

exit_code = [0]
"""What this process exits with when its actor has ended in good order."""


def harden(log_file: str, logger_fd: int) -> Refusals:
    """Thespian may be started now: loopback only, every message signed, nothing outlives its parent, and what is logged
    goes to the logger behind ``logger_fd``. Call once, before the first ``ActorSystem``. What all its processes refuse
    is counted in what is returned."""
    os.environ["THESPIAN_BASE_IPADDR"] = "127.0.0.1"
    os.environ["THESPLOG_FILE"] = log_file
    os.environ.setdefault("THESPLOG_THRESHOLD", "WARNING")
    os.environ.setdefault("TZ", ":/etc/localtime")
    spend_fewer_turns()
    signed = SignedPickle()
    listen_on_loopback_and_verify(signed)
    bound_what_is_read(signed.refusals)
    send_in_order()
    _die_with_the_parent()
    _log_to(logger_fd)
    _begin_without_being_asked()
    return signed.refusals


def _die_with_the_parent() -> None:
    """Thespian's admin would fork once more, so that nobody is above it: whoever dies while one hands over to the other
    would leave an admin behind. It stays the launcher's child instead."""
    from thespian.system import multiprocCommon as mpc

    start_admin, start_child = mpc.startAdmin, mpc.startChild

    def admin(*args: Any, **named: Any) -> None:
        _begin_process()
        _stay_at_the_next_fork()
        start_admin(*args, **named)

    def child(*args: Any, **named: Any) -> None:
        _begin_process()
        mpc.actorStartupFailed = _not_needed
        start_child(*args, **named)
        sys.stderr.flush()
        os._exit(exit_code[0])

    mpc.startAdmin, mpc.startChild = admin, child


def _log_to(fd: int) -> None:
    """In the place of Thespian's logger, whose address each actor must have before it may begin: that of nobody is
    given, and the admin goes on as if its logger had just said that it is there."""
    from thespian.system import multiprocCommon as mpc

    root = logging.RootLogger(logging.WARNING)
    root.addHandler(PipeHandler(fd))

    def no_logger(_transport_class: Any, _transport: Any, admin: Any, *_: Any) -> None:
        admin.h_LoggerConnected(SimpleNamespace(sender=""))

    mpc._startLogger = no_logger
    mpc.ThespianLogForwarder = lambda *_, **__: root


def _begin_without_being_asked() -> None:
    """An actor begins as soon as its process can, and not when its creator has heard of it in Thespian's way, which
    takes both of them several turns of their loops. The pipe between the two says where it is; whether Thespian's own
    word of it arrives, which may now be late, does not matter."""
    from thespian.system import multiprocCommon as mpc
    from thespian.system.utilis import actualActorClass

    def create(manager: Any) -> None:
        manager.actorInst = actualActorClass(manager._actorClass)()
        manager.actorInst._myRef = manager
        manager.actorInst.begin()

    mpc.MultiProcManager._createInstance = create


def _not_needed(*_: Any) -> None:
    """In the place of what ends an actor of whose start its creator could not be told."""


def _begin_process() -> None:
    """It ends with its parent, and has closed what it must not inherit: once, for a fork of this one has that done."""
    parent = multiprocessing.parent_process()
    die_with_parent(parent.pid if parent is not None else None)
    for clean in after_fork:
        clean()
    after_fork.clear()


def _stay_at_the_next_fork() -> None:
    """What forks next in this process finds itself to be the child, and nothing was forked; only once."""
    fork = os.fork

    def stay() -> int:
        os.fork = fork
        return 0

    os.fork = stay

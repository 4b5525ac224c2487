"""The nursery's loop: a small, warm, single-threaded process that forks minders for its owner.

It is a child subreaper too: when a minder is killed, what it minded becomes the nursery's and is ended here. When its
owner has gone or takes leave, it ends everything below it and itself. Standard library only.
"""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
import socket
import time

from aidos_actors import crash
from aidos_actors.executors import linux, protocol
from aidos_actors.executors.minder import Minder

END_LIMIT_S = 10.0
STRAY_PAUSE_MAX_S = 0.25
CRASH_EXIT = 70


class Keeper:
    """The nursery's loop. ``owner`` is the pidfd of the process whose end is its own."""

    def __init__(self, orders: socket.socket, owner: int) -> None:
        self._orders = orders
        self._owner = owner
        self._self = os.pidfd_open(os.getpid())  # what minders watch; opened here, so that it cannot be another's
        self._wake = _wake_pipe()
        self._minders: dict[int, int] = {}  # pid -> our copy of its control socket, closed when all of it has gone
        self._closing: list[int] = []  # copies whose minder died while what it left is being ended
        self._poller = select.poll()
        for descriptor in (orders.fileno(), owner, self._wake):
            self._poller.register(descriptor, select.POLLIN)

    def serve(self) -> None:
        """Returns when the owner has gone or taken leave, and nothing is left below this process."""
        pause_s = 0.001
        while True:
            ready = {descriptor for descriptor, _events in self._poller.poll(pause_s * 1000 if self._closing else None)}
            if self._wake in ready:
                os.read(self._wake, 4096)
            if self._owner in ready or (self._orders.fileno() in ready and not self._obey()):
                break
            pause_s = 0.001 if self._wake in ready else min(2 * pause_s, STRAY_PAUSE_MAX_S)
            self._reap()
        end_everything()

    def _obey(self) -> bool:
        """Carries out one message of the owner; whether there may be more."""
        message = protocol.receive_with_descriptors(self._orders)
        if message is None or message[0][0] != "spawn":
            return False
        control = message[1][protocol.CONTROL]
        crash.before("minder-forked")
        try:
            pid = os.fork()
        except OSError as error:
            self._refuse(control, f"No process could be started for it: {error.strerror}.")
        else:
            if pid == 0:
                self._become_minder(control)
            crash.after("minder-forked")
            self._minders[pid] = control
        return True

    def _refuse(self, control: int, why: str) -> None:
        with socket.socket(fileno=control) as sock:
            try:
                protocol.send(sock, "outcome", protocol.outcome_fields("no_room", why))
            except OSError:
                pass

    def _become_minder(self, control: int) -> None:
        """Never returns, and never lets go of ``self``, whose sockets would close numbers that are in new use."""
        sock = socket.socket(fileno=control)
        code = CRASH_EXIT
        try:
            self._mind(sock)
            code = 0
        except BaseException as error:
            _tell_crash(sock, error)
        finally:
            os._exit(code)

    def _mind(self, control: socket.socket) -> None:
        for descriptor in (*self._minders.values(), *self._closing, self._wake, self._orders.fileno()):
            os.close(descriptor)
        os.setsid()
        linux.become_subreaper()
        linux.name_process("aidos-minder")
        Minder(control, self._owner, self._self, _wake_pipe()).serve()

    def _reap(self) -> None:
        """Collects the ended, and ends what a dead minder left behind: every child that is no minder."""
        _any_left, ended = linux.reap()
        for pid, _status in ended:
            if pid in self._minders:
                self._closing.append(self._minders.pop(pid))
        if self._closing and linux.signal_descendants(signal.SIGKILL, spared=self._minders) == 0:
            for descriptor in self._closing:
                os.close(descriptor)
            self._closing.clear()


def end_everything() -> None:
    """After it nothing lives below this process, but for what the kernel cannot end within the limit."""
    give_up_at = time.monotonic() + END_LIMIT_S
    while linux.reap()[0] and time.monotonic() < give_up_at:
        linux.signal_descendants(signal.SIGKILL)
        time.sleep(0.001)


def _wake_pipe() -> int:
    """The end that becomes readable when a child of the calling process ended."""
    readable, writable = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    before = signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    if before >= 0:  # the nursery's, in a minder
        os.close(before)
    return readable


def _tell_crash(sock: socket.socket, error: BaseException) -> None:
    import traceback

    text = "".join(traceback.format_exception(error))
    try:
        protocol.send(sock, "crashed", text[-protocol.MESSAGE_CHARACTERS_MAX :])
    except OSError:
        pass


def main(orders_fd: int, owner_pid: int, owner_started: int) -> None:
    """The nursery's whole life: returns when everything below it has ended."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)  # Python and a framework's owner may have left others, or a mask, behind
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    os.chdir("/")
    os.set_inheritable(orders_fd, False)
    linux.become_subreaper()
    linux.name_process("aidos-nursery")
    owner = linux.open_exactly(owner_pid, owner_started)
    if owner is None:
        return
    gc.freeze()
    gc.disable()
    orders = socket.socket(fileno=orders_fd)
    try:
        Keeper(orders, owner).serve()
    except BaseException as error:
        _tell_crash(orders, error)
        end_everything()
        raise

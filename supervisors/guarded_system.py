"""One system as its guardian holds it: launched, listened to, looked at, and ended with everything below it."""

from __future__ import annotations

import os
import pickle
import select
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from supervisors import boot
from supervisors import guardian_decisions as do
from supervisors.launch import Orders
from supervisors.linux import descendants, is_frozen, turns_of
from supervisors.watchman import MARK

SWEEP_LIMIT_S = 30.0
PAUSE_FIRST_S = 0.001
PAUSE_MAX_S = 0.016
"""Between two looks at what still lives: looking takes the processor from those that are ending."""
WORDS: dict[type[do.Action], str] = {do.AskToStop: "stop", do.AskForLife: "probe", do.AskForLastWord: "last word"}
"""How the launcher is asked; the answers come by ``hear``."""


class Charge(Struct, frozen=True):
    """What a guardian is started with, in memory."""

    spec: bytes
    main: dict[str, Any]
    packages: tuple[str, ...]
    state_dir: str
    title: str
    host_pid: int | None
    host_started: int | None
    channel_fd: int | None
    status_fd: int | None
    on_give_up: str = "end"
    before_stop: tuple[str, Any, float] | None = None
    reload: tuple[str, str, tuple[Any, ...]] | None = None
    """On SIGHUP: module, function and arguments of what gives ``(spec, before_stop)`` anew, or raises."""
    admission: tuple[str, str, tuple[Any, ...]] | None = None
    """Before each start: module, function and arguments of what raises when the system must not start. It is called
    with whether somebody asked for this very start, and then the arguments."""
    attended: bool = True
    not_before: float = 0.0
    """No system is started before this moment (monotonic seconds, which all processes share)."""


class GuardedSystem:
    """Launcher, admin, logger and root: the end of one is the end of all. ``selector`` wakes with the data
    ``launcher`` when it has something to say and ``process`` when one of them has ended."""

    def __init__(
        self, charge: Charge, listener: socket.socket, selector: selectors.BaseSelector, mark: str, watchman: int
    ) -> None:
        """The launcher has been started; ``listen`` tells how it goes on. Whatever is started below it carries ``mark``
        in its environment. The child ``watchman`` is none of it."""
        self.watchman = watchman
        self._selector = selector
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        orders = Orders(
            spec=charge.spec,
            main=charge.main,
            state_dir=charge.state_dir,
            title=charge.title,
            guardian_pid=os.getpid(),
            listener_fd=listener.fileno(),
            channel_fd=charge.channel_fd,
            guardian_fd=theirs.fileno(),
            before_stop=charge.before_stop,
            admission=charge.admission,
            attended=charge.attended,
            not_before=charge.not_before,
        )
        argv, fd = boot.command("supervisors.launch", pickle.dumps(orders), charge.packages, os.getpid())
        passed = [fd, listener.fileno(), theirs.fileno()]
        if charge.channel_fd is not None:
            passed.append(charge.channel_fd)
        env = {**os.environ, MARK: mark}
        self._launcher = subprocess.Popen(argv, pass_fds=passed, stdin=subprocess.DEVNULL, env=env)
        os.close(fd)
        theirs.close()
        self._pids: dict[str, int] = {}
        self._answered: set[str] = set()
        self._pidfds: dict[str, int] = {}
        self._missed: set[str] = set()
        selector.register(self.control, selectors.EVENT_READ, "launcher")
        self._know({"launcher": self._launcher.pid})

    def ask(self, action: do.Action) -> None:
        """The launcher is asked to end the system in good order, for signs of life, or for the root's last word."""
        try:
            self.control.send(pickle.dumps(WORDS[type(action)]), socket.MSG_DONTWAIT)
        except OSError:
            pass

    def hear(self) -> Iterator[do.Event]:
        """What the launcher has said since the last time. Signs of life go into the next look."""
        while True:
            try:
                data = self.control.recv(65536, socket.MSG_DONTWAIT)
            except (BlockingIOError, ConnectionError):
                return
            if not data:
                return
            match pickle.loads(data):  # noqa: S301 - our own launcher's socketpair
                case ("pids", pids):
                    self._know(pids)
                case ("up", pids):
                    self._know(pids)
                    yield do.CameUp({**self._pids, "guardian": os.getpid()})
                case ("alive", name):
                    self._answered.add(name)
                case ("wordless",):
                    yield do.Wordless()
                case (("ended" | "start_failed" | "unfit") as kind, reason):
                    yield do.Said(kind, reason)

    def deaths(self) -> frozenset[str]:
        """Who has ended since the last time."""
        poller = select.poll()
        for fd in self._pidfds.values():
            poller.register(fd, select.POLLIN)
        ended = {fd for fd, _ in poller.poll(0)}
        gone = {name for name, fd in self._pidfds.items() if fd in ended} | self._missed
        self._missed.clear()
        for name in gone:
            self._forget(name)
        return frozenset(gone)

    def look(self) -> do.Looked:
        """Who is stopped by a signal or a tracer, and who has answered."""
        stopped = {name: turns_of(pid) for name, pid in self._pids.items() if is_frozen(pid)}
        answered = frozenset(self._answered)
        self._answered.clear()
        return do.Looked(stopped, answered)

    def end(self) -> set[int]:
        """No descendant of this guardian lives when this returns, but its watchman; the children that were reaped."""
        reaped: set[int] = set()
        until, pause_s = time.monotonic() + SWEEP_LIMIT_S, PAUSE_FIRST_S
        while (below := self._below()) and time.monotonic() < until:
            for pid in below:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            reaped |= self.reap()
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_MAX_S)
        reaped |= self.reap()
        for name in list(self._pidfds):
            self._forget(name)
        self._selector.unregister(self.control)
        self.control.close()
        return reaped

    def _below(self) -> list[int]:
        return [pid for pid in descendants(os.getpid()) if pid != self.watchman]

    def reap(self) -> set[int]:
        """No ended child of this guardian, its own or adopted, stays a zombie; those that had ended."""
        self._launcher.poll()
        reaped: set[int] = set()
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return reaped
            if pid == 0:
                return reaped
            reaped.add(pid)
            if pid == self._launcher.pid:
                self._launcher.returncode = os.waitstatus_to_exitcode(status)

    def _know(self, pids: dict[str, int]) -> None:
        for name, pid in pids.items():
            if self._pids.get(name) == pid:
                continue
            self._pids[name] = pid
            self._forget(name)
            try:
                fd = os.pidfd_open(pid)
            except OSError:  # it had ended before it could be watched
                self._missed.add(name)
                continue
            self._pidfds[name] = fd
            self._selector.register(fd, selectors.EVENT_READ, "process")

    def _forget(self, name: str) -> None:
        fd = self._pidfds.pop(name, None)
        if fd is not None:
            self._selector.unregister(fd)
            os.close(fd)

"""One system as its guardian holds it: launched, listened to, looked at, and ended with everything below it."""

from __future__ import annotations

import os
import pickle
import select
import selectors
import signal
import socket
import time
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from supervisors import guardian_decisions as do
from supervisors.charge import Charge, Orders
from supervisors.linux import descendants, is_frozen, start_ticks, turns_of

if TYPE_CHECKING:
    from supervisors.kept_template import KeptTemplate

SWEEP_LIMIT_S = 30.0
PAUSE_FIRST_S = 0.001
PAUSE_MAX_S = 0.016
"""Between two looks at what still lives: looking takes the processor from those that are ending."""
WORDS: dict[type[do.Action], str] = {do.AskToStop: "stop", do.AskForLife: "probe", do.AskForLastWord: "last word"}
"""How the launcher is asked; the answers come by ``hear``."""


class GuardedSystem:
    """Launcher, admin, logger and root: the end of one is the end of all. ``selector`` wakes with the data
    ``launcher`` when it has something to say and ``process`` when one of them has ended."""

    def __init__(
        self, charge: Charge, listener: socket.socket, selector: selectors.BaseSelector, template: KeptTemplate
    ) -> None:
        """Its launcher has been ordered of the template; ``hear`` tells how it goes on. OSError when this machine does
        not allow that now."""
        self._selector = selector
        self._pids: dict[str, int] = {}
        self._answered: set[str] = set()
        self._pidfds: dict[str, int] = {}
        self._missed: set[str] = set()
        orders = Orders(
            spec=charge.spec,
            main=charge.main,
            state_dir=charge.state_dir,
            title=charge.title,
            guardian_pid=os.getpid(),
            before_stop=charge.before_stop,
            admission=charge.admission,
            attended=charge.attended,
            not_before=charge.not_before,
        )
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            passed = [theirs.fileno(), listener.fileno()]
            if charge.channel_fd is not None:
                passed.append(charge.channel_fd)
            template.order(pickle.dumps(orders), passed)
        selector.register(self.control, selectors.EVENT_READ, "launcher")

    @property
    def has_launcher(self) -> bool:
        """Whether its launcher has been born; until then it may still be on its way."""
        return "launcher" in self._pids

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
            except BlockingIOError:
                return
            except ConnectionError:
                data = b""
            if not data:
                if not self.has_launcher:  # nobody is left who could become it
                    self._missed.add("launcher")
                return
            match pickle.loads(data):  # noqa: S301 - our own launcher's socketpair
                case ("born", pid, ticks):
                    self._know({"launcher": pid})
                    if start_ticks(pid) != ticks:
                        self._missed.add("launcher")
                case ("pids", pids):
                    self._know(pids)
                case ("up", pids):
                    self._know(pids)
                    yield do.CameUp({**self._pids, "guardian": os.getpid()})
                case ("allowed", stop_s):
                    yield do.Allowed(stop_s)
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

    def end(self, spared: Collection[int | None]) -> set[int]:
        """No descendant of this guardian lives when this returns, but those ``spared``; the children that were
        reaped."""
        reaped: set[int] = set()
        until, pause_s = time.monotonic() + SWEEP_LIMIT_S, PAUSE_FIRST_S
        while (below := [pid for pid in descendants(os.getpid()) if pid not in spared]) and time.monotonic() < until:
            for pid in below:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            reaped |= reap()
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_MAX_S)
        reaped |= reap()
        for name in list(self._pidfds):
            self._forget(name)
        self._selector.unregister(self.control)
        self.control.close()
        return reaped

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


def reap() -> set[int]:
    """No ended child of this process, its own or adopted, stays a zombie; those that had ended."""
    reaped: set[int] = set()
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return reaped
        if pid == 0:
            return reaped
        reaped.add(pid)

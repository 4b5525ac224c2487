"""One system as its guardian holds it: launched, listened to, looked at, and ended with everything below it."""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from supervisors import boot
from supervisors.errors import ExitReason
from supervisors.guardian_policy import suspect
from supervisors.launch import Orders
from supervisors.linux import descendants, is_frozen, start_ticks, turns_of
from supervisors.watchman import MARK

START_LIMIT_S = 120.0
SWEEP_LIMIT_S = 30.0
LAST_WORD_LIMIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Charge:
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
        argv, fd = boot.command("supervisors.launch", pickle.dumps(orders), charge.packages)
        passed = [fd, listener.fileno(), theirs.fileno()]
        if charge.channel_fd is not None:
            passed.append(charge.channel_fd)
        env = {**os.environ, MARK: mark}
        self._launcher = subprocess.Popen(argv, pass_fds=passed, stdin=subprocess.DEVNULL, env=env)
        os.close(fd)
        theirs.close()
        self.pids: dict[str, int] = {}
        self.up_at: float | None = None
        self.last_word: tuple[str, ExitReason] | None = None
        self._began_at = time.monotonic()
        self._pidfds: list[int] = []
        self.answered: set[str] = set()
        self._suspects: Mapping[str, float] = {}
        self._turns: dict[str, int | None] = {}
        selector.register(self.control, selectors.EVENT_READ, "launcher")
        self._know({"launcher": self._launcher.pid})

    def ask_to_stop(self) -> None:
        """The launcher is told to end the system in good order."""
        self._say("stop")

    def ask_for_life(self) -> None:
        """``answered`` will hold those of launcher, root and admin that carry a message to its answer."""
        self._say("probe")

    def _say(self, word: str) -> None:
        try:
            self.control.send(pickle.dumps(word), socket.MSG_DONTWAIT)
        except OSError:
            pass

    def listen(self) -> bool:
        """Take the launcher's words; True when the system has come up just now."""
        came_up = False
        while True:
            try:
                data = self.control.recv(65536, socket.MSG_DONTWAIT)
            except (BlockingIOError, ConnectionError):
                return came_up
            if not data:
                return came_up
            match pickle.loads(data):  # noqa: S301 - our own launcher's socketpair
                case ("pids", pids):
                    self._know(pids)
                case ("up", pids):
                    self._know(pids)
                    self.up_at = time.monotonic()
                    came_up = True
                case ("alive", name):
                    self.answered.add(name)
                case (("ended" | "start_failed" | "unfit") as kind, reason):
                    self.last_word = (kind, reason)

    def who_died(self) -> str:
        gone = [name for name, pid in self.pids.items() if start_ticks(pid) is None]
        return f"{' and '.join(gone) or 'a process'} died"

    def trouble(self) -> str:
        """What no descriptor tells: a frozen process, a start that takes too long. Empty when all is well."""
        now = time.monotonic()
        stopped = {name for name, pid in self.pids.items() if is_frozen(pid)}
        ran = {name for name, turns in self._turns.items() if name in self.pids and turns_of(self.pids[name]) != turns}
        suspicion = suspect(self._suspects, stopped, self.answered | ran, now)
        self._suspects = suspicion.suspects
        if suspicion.ask:
            self._turns = {name: turns_of(self.pids[name]) for name in suspicion.suspects}
            self.answered -= suspicion.ask
            self.ask_for_life()
        if suspicion.frozen:
            return f"{' and '.join(sorted(suspicion.frozen))} froze"
        if self.up_at is None and time.monotonic() - self._began_at > START_LIMIT_S:
            return f"the system was not up after {START_LIMIT_S:g} s"
        return ""

    def end(self) -> None:
        """No descendant of this guardian lives when this returns; a launcher that said its last word may finish."""
        if self.last_word is not None:
            try:
                self._launcher.wait(LAST_WORD_LIMIT_S)
            except subprocess.TimeoutExpired:
                pass
        until = time.monotonic() + SWEEP_LIMIT_S
        while (below := self._below()) and time.monotonic() < until:
            for pid in below:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.reap()
            time.sleep(0.002)
        self.reap()
        for fd in self._pidfds:
            self._selector.unregister(fd)
            os.close(fd)
        self._selector.unregister(self.control)
        self.control.close()

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
            if self.pids.get(name) == pid:
                continue
            self.pids[name] = pid
            try:
                fd = os.pidfd_open(pid)
            except OSError:
                continue
            self._pidfds.append(fd)
            self._selector.register(fd, selectors.EVENT_READ, "process")

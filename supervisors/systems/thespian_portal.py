"""The only outside client of a system on Thespian: starts it, and carries the launcher's messages in and out."""

from __future__ import annotations

import gc
import os
import socket
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import thespian.system.multiprocTCPBase  # noqa: F401 - else each launcher would import it, by its name
from thespian.actors import ActorSystem, ActorSystemMessage, WakeupMessage, WatchMessage
from thespian.system.messages.status import Thespian_StatusReq, Thespian_SystemStatus
from thespian.system.transport import ReceiveEnvelope

from supervisors.errors import ExitReason
from supervisors.linux import close_all, kill_exactly, start_ticks
from supervisors.messages import Hello
from supervisors.specs import SupervisorSpec
from supervisors.systems import thespian_hardening as hardening
from supervisors.systems.birth import Birth, bear
from supervisors.systems.logger import start_logger
from supervisors.systems.page import Page
from supervisors.systems.reports import read_reports
from supervisors.systems.root_watch import RootWatch
from supervisors.systems.thespian_process import Process

ROOT_GENERATION = 1


class Portal:
    """A running system with one root supervisor. All calls from the thread that made it."""

    def __init__(self, spec: SupervisorSpec, log_dir: Path, title: str, private: list[int]) -> None:
        """Logger, admin and root are forked; the root begins its start. ``private`` descriptors are closed in them."""
        self.path = ""
        self.root_path = spec.id
        self.incarnation = f"{os.getpid()}-{os.urandom(8).hex()}"
        self.logger_pid, logger_fd = start_logger(log_dir / "actors.log", title)
        self.refusals = hardening.harden(str(log_dir / "thespian.log"), logger_fd)
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        began_at = time.monotonic()
        pen = Page().take(ROOT_GENERATION, began_at)
        self._root_watch = RootWatch(pen, spec.watched_s, began_at)
        bear(Birth(spec, spec.id, f"{title} {spec.id}", theirs, pen))
        hardening.after_fork[:] = [lambda: close_all([*private, ours])]
        gc.freeze()
        self._system = ActorSystem("multiprocTCPBase", {"Admin Port": _free_port()})
        hardening.after_fork.clear()
        self._base = self._system._systemBase
        self._report_fd = ours
        self._heard = bytearray()
        self.root = self._system.createActor(Process)
        os.close(theirs)
        self.root_pid: int | None = None
        self._root_ticks: int | None = None
        self.last_word: ExitReason | None = None
        self.is_up = False
        self.admin_answered = False
        self.post(self.root, Hello())

    def address(self) -> Any:
        return self._base.transport.myAddress

    def post(self, address: Any, message: Any) -> None:
        self._base._tx_to_actor(address, message)

    def ask_admin(self) -> None:
        """``admin_answered`` will be true if the admin still carries messages."""
        self.post(self._base.adminAddr, Thespian_StatusReq())

    def wait(self, timeout_s: float, watched: list[int], handle: Callable[[Any, Any], None]) -> set[int]:
        """Carry messages for at most ``timeout_s`` seconds or until one of ``watched`` is readable (those are
        returned); ``handle(message, sender)`` is called for what came."""
        self._base.transport.set_watch([*watched, self._report_fd] if self.last_word is None else watched)
        wait_s = self._root_watch.wait_s(timeout_s, time.monotonic())
        envelope = self._base._run_transport(timedelta(seconds=wait_s))
        self._end_hung_root(self._root_watch.verdict(time.monotonic()))
        if not isinstance(envelope, ReceiveEnvelope):
            return set()
        message = envelope.message
        if isinstance(message, WatchMessage):
            ready = set(message.ready)
            if self._report_fd in ready:
                self._hear()
            return ready
        if isinstance(message, Thespian_SystemStatus):
            self.admin_answered = True
        if not isinstance(message, ActorSystemMessage | WakeupMessage):
            handle(message, envelope.sender)
        return set()

    def _end_hung_root(self, why: str) -> None:
        """Its death is the end of this system, as the guardian sees it, and the beginning of the next."""
        if why and self.root_pid is not None and self._root_ticks is not None:
            print(f"the root is ended: {why}", file=sys.stderr, flush=True)
            kill_exactly(self.root_pid, self._root_ticks)

    def pids(self) -> dict[str, int]:
        """The processes whose end is the end of the system: admin, root and logger, as far as they are known."""
        self._hear()
        if self.root_pid is None:
            return {}
        found = {"root": self.root_pid, "logger": self.logger_pid}
        try:
            admin = int(Path(f"/proc/{self.root_pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return found
        return {**found, "admin": admin}

    def has_last_word(self) -> bool:
        """Whether the root has left one; it is heard here if it had not been yet."""
        self._hear()
        return self.last_word is not None

    def shutdown(self) -> None:
        """The admin is asked to end; returns when it has, at the latest after Thespian's 10 s."""
        self._system.shutdown()

    def _hear(self) -> None:
        for said in read_reports(self._report_fd, self._heard):
            match said:
                case ("born", pid, _):
                    self.root_pid = pid
                    self._root_ticks = start_ticks(pid)
                case ("started", *_):
                    self.is_up = True
                case ("ended", reason):
                    self.last_word = reason


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

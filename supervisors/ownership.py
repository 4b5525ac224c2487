"""A guardian as its owner holds it: started in memory, listened to, and started again when it dies."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from supervisors import boot
from supervisors.errors import ExitReason
from supervisors.guarded_system import Charge
from supervisors.guardian_policy import Revivals, revive
from supervisors.linux import start_ticks

STOP_FORCED_AFTER_S = 30.0


@dataclass(frozen=True, slots=True)
class Word:
    """What a guardian says: up (pids), down (reason), ended (reason), start_failed (reason), conflict (who)."""

    kind: str
    detail: Any


class Ownership:
    """Keeps one guardian alive until ``stop``. ``heard`` is called with every ``Word``, on a thread of its own."""

    def __init__(self, charge: Charge, heard: Callable[[Word], None]) -> None:
        self._charge = replace(charge, host_pid=os.getpid(), host_started=start_ticks(os.getpid()))
        self._heard = heard
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._revivals = Revivals()
        self._up_at: float | None = None
        self._final = False
        self.channel, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._thread = threading.Thread(target=self._keep, name="guardian-owner", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def stop(self, timeout_s: float) -> None:
        """No process of the system lives when this returns. In good order for ``timeout_s`` seconds, then by force."""
        self._stopping.set()
        self._signal(signal.SIGTERM)
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._signal(signal.SIGTERM)
            self._thread.join(STOP_FORCED_AFTER_S)
        if self._thread.is_alive():
            self._signal(signal.SIGKILL)
            self._thread.join()

    def release(self) -> None:
        """Close what is left of a guardian that has ended."""
        self.channel.close()
        self._theirs.close()

    def _signal(self, signum: int) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signum)

    def _keep(self) -> None:
        while not self._stopping.is_set() and not self._final:
            self._up_at = None
            status = self._start()
            if self._stopping.is_set():
                self._signal(signal.SIGTERM)
            self._listen(status)
            assert self._process is not None
            self._process.wait()
            if self._stopping.is_set() or self._final:
                break
            verdict = revive(self._revivals, up_since=self._up_at, now=time.monotonic(), never_give_up=False)
            self._revivals = verdict.revivals
            if verdict.delay_s is None:
                self._say(Word("ended", ExitReason("shutdown", "guardian_limit: the guardian was killed too often")))
                break
            self._say(Word("down", ExitReason("killed", "the guardian died")))
            self._stopping.wait(verdict.delay_s)

    def _start(self) -> int:
        ours, theirs = os.pipe()
        charge = replace(self._charge, channel_fd=self._theirs.fileno(), status_fd=theirs)
        argv, fd = boot.command("supervisors.guardian", pickle.dumps(charge), charge.packages)
        passed = (fd, theirs, self._theirs.fileno())
        self._charge = replace(self._charge, attended=False)
        self._process = subprocess.Popen(argv, pass_fds=passed, stdin=subprocess.DEVNULL, start_new_session=True)
        os.close(theirs)
        os.close(fd)
        return ours

    def _listen(self, status: int) -> None:
        with os.fdopen(status, "rb") as words:
            while len(head := words.read(4)) == 4:
                kind, detail = pickle.loads(words.read(int.from_bytes(head, "big")))  # noqa: S301 - our own guardian's pipe
                if kind == "up":
                    self._up_at = time.monotonic()
                self._final = kind in ("ended", "start_failed", "unfit", "conflict")
                self._say(Word(kind, detail))

    def _say(self, word: Word) -> None:
        try:
            self._heard(word)
        except Exception:
            pass

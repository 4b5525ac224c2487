"""A guardian as its owner holds it: started in memory, listened to, and started again when it dies."""

from __future__ import annotations

import os
import pickle
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from supervisors import boot
from supervisors.charge import Charge
from supervisors.errors import ExitReason
from supervisors.forked import ForkedProcess, fork, is_alone
from supervisors.guardian_policy import HEAD_START_S, Revivals, alarm_of, revive
from supervisors.linux import is_frozen, start_ticks

STOP_FORCED_AFTER_S = 30.0
LOOK_EVERY_S = 1.0
FROZEN_LOOKS = 3


class Word(Struct, frozen=True):
    """What a guardian says: up (pids), down (reason), ended (reason), start_failed (reason), conflict (who), alarm (a
    text that begins with its grade), calm."""

    kind: str
    detail: Any


class Ownership:
    """Keeps one guardian alive until ``stop``. ``heard`` is called with every ``Word``, on a thread of its own."""

    def __init__(self, charge: Charge, heard: Callable[[Word], None]) -> None:
        self._charge = replace(charge, host_pid=os.getpid(), host_started=start_ticks(os.getpid()))
        self._heard = heard
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | ForkedProcess | None = None
        self._revivals = Revivals()
        self._up_at: float | None = None
        self._final = False
        self.channel, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._first_status = self._fork_first() if charge.may_fork and is_alone() else None
        self._thread = threading.Thread(target=self._keep, name="guardian-owner", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def stop(self, timeout_s: float | None) -> None:
        """No process of the system lives when this returns. In good order for ``timeout_s`` seconds (None: for as long
        as its guardian waits), then by force; so, too, when this is called once more meanwhile."""
        is_first = not self._stopping.is_set()
        self._stopping.set()
        self._signal(signal.SIGTERM if is_first else signal.SIGQUIT)
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._signal(signal.SIGQUIT)
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
        never_give_up = self._charge.on_give_up == "restart"
        while not self._stopping.is_set() and not self._final:
            self._up_at = None
            why = self._attend()
            if self._stopping.is_set() or self._final:
                break
            verdict = revive(self._revivals, up_since=self._up_at, now=time.monotonic(), never_give_up=never_give_up)
            self._revivals = verdict.revivals
            if verdict.delay_s is None:
                self._say(Word("ended", ExitReason("shutdown", "guardian_limit: the guardian was killed too often")))
                break
            self._say(Word("down", ExitReason("killed", why)))
            if verdict.is_slowed:
                self._say(Word("alarm", alarm_of(why)))
            self._stopping.wait(max(0.0, verdict.delay_s - HEAD_START_S))

    def _attend(self) -> str:
        """From the start of one guardian to its end; why it ended. The first that the machine does not let start is the
        last, because its starter waits for the word; later ones are tried again."""
        is_first = self._process is None
        try:
            status, self._first_status = self._first_status, None
            status = self._start() if status is None else status
        except OSError as error:
            if is_first:
                self._final = True
                self._say(Word("start_failed", ExitReason("abnormal", f"its guardian: {error}")))
            return f"no guardian could be started: {error}"
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)
        self._listen(status)
        assert self._process is not None
        self._process.wait()
        return "the guardian died"

    def _fork_first(self) -> int | None:
        """The descriptor of its words, when the machine lets it be forked; in the thread that must outlive it."""
        try:
            return self._start(is_forked=True)
        except OSError:
            return None

    def _start(self, *, is_forked: bool = False) -> int:
        ours, theirs = os.pipe()
        with ExitStack() as given:
            given.callback(os.close, theirs)
            unused = given.enter_context(ExitStack())
            unused.callback(os.close, ours)
            charge = replace(self._charge, channel_fd=self._theirs.fileno(), status_fd=theirs)
            self._charge = replace(self._charge, attended=False)
            if is_forked:
                from supervisors import guardian  # only here: a host that execs its guardian need not load it

                self._process = fork(guardian.main, pickle.dumps(charge), (theirs, self._theirs.fileno()))
                unused.pop_all()
                return ours
            argv, fd = boot.command("supervisors.guardian", pickle.dumps(charge), charge.packages, os.getpid())
            given.callback(os.close, fd)
            passed = (fd, theirs, self._theirs.fileno())
            self._process = subprocess.Popen(argv, pass_fds=passed, stdin=subprocess.DEVNULL, start_new_session=True)
            unused.pop_all()
        return ours

    def _listen(self, status: int) -> None:
        try:
            while head := self._read(status, 4):
                kind, detail = pickle.loads(self._read(status, int.from_bytes(head, "big")))  # noqa: S301 - our own guardian's pipe
                if kind == "up":
                    self._up_at = time.monotonic()
                    self._charge = replace(self._charge, was_up=True)
                self._final = kind in ("ended", "start_failed", "unfit", "conflict")
                self._say(Word(kind, detail))
        finally:
            os.close(status)

    def _read(self, status: int, count: int) -> bytes:
        """So many bytes of the guardian's words; none when it has ended. One that somebody stopped is woken: it can
        neither heal nor end anything, and nobody else would notice."""
        poller = select.poll()
        poller.register(status, select.POLLIN)
        data, frozen_looks = b"", 0
        while len(data) < count:
            if poller.poll(LOOK_EVERY_S * 1000):
                chunk = os.read(status, count - len(data))
                if not chunk:
                    return b""
                data += chunk
            else:
                frozen_looks = frozen_looks + 1 if self.pid is not None and is_frozen(self.pid) else 0
                if frozen_looks >= FROZEN_LOOKS:
                    self._signal(signal.SIGCONT)
        return data

    def _say(self, word: Word) -> None:
        try:
            self._heard(word)
        except Exception:
            pass

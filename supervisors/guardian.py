"""L3: the process that owns a system and brings it back. No Thespian in it, no thread, nothing that can hang.

It holds the lock on the state directory, binds the control socket, and is the child subreaper above everything. The
death or freeze of launcher, admin, root or logger is the end of that system: every descendant is killed and reaped, and
a fresh launcher starts the next. It ends with its host: it watches a pidfd, because a pipe would stay open in the
host's fork children.
"""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from supervisors.errors import ExitReason
from supervisors.guarded_system import Charge, GuardedSystem
from supervisors.guardian_policy import Revivals, is_final, revive
from supervisors.linux import become_subreaper, is_alive
from supervisors.premises import SOCKET_NAME, bind, is_ours, lock
from supervisors.reloading import reloaded
from supervisors.service_manager import ServiceManager
from supervisors.title import take_title
from supervisors.watchman import dismiss, mark_of, post_watchman, sweep_predecessors

LOOK_EVERY_S = 1.0
EXIT_CODES = {"ended": 1, "start_failed": 1, "unfit": 78}
STOP_LIMIT_S = 120.0
GONE = "its state directory was removed or replaced while it ran"


class Guardian:
    def __init__(self, charge: Charge) -> None:
        self._charge = charge
        self._status = None if charge.status_fd is None else os.fdopen(charge.status_fd, "wb", buffering=0)
        self._selector = selectors.DefaultSelector()
        self._revivals = Revivals()
        self._signals = 0
        self._stop_until: float | None = None
        self._host_fd: int | None = None
        self._was_up = False
        self._renew_until: float | None = None
        self._hang_ups = 0
        self._manager = ServiceManager(os.environ)
        self._fed_at = 0.0

    def run(self) -> int:
        """Own systems, one after the other, until one ends for good; the exit code."""
        state = Path(self._charge.state_dir)
        held = lock(state)
        if isinstance(held, str):
            self._say("conflict", held)
            return 7
        os.set_inheritable(held, False)
        self._held = held
        sweep_predecessors(self._charge.state_dir)
        self._mark = mark_of(self._charge.state_dir)
        self._watchman = post_watchman(self._mark)
        listener = bind(state)
        self._watch_signals()
        if self._charge.host_pid is not None and not self._watch_host():
            dismiss(self._watchman)
            return 0
        try:
            return self._own(listener)
        finally:
            if is_ours(state, held):
                (state / SOCKET_NAME).unlink(missing_ok=True)
            dismiss(self._watchman)

    # ---- one system after the other

    def _own(self, listener: socket.socket) -> int:
        while True:
            system = GuardedSystem(self._charge, listener, self._selector, self._mark, self._watchman)
            self._charge = replace(self._charge, attended=False)
            why = self._attend(system)
            system.end()
            word = system.last_word
            if self._stop_until is not None or why == "host":
                reason = word[1] if word else ExitReason("shutdown", why)
                self._say("ended", reason)
                return 0
            if why == GONE:
                self._say("ended", ExitReason("shutdown", why))
                return 1
            self._was_up = self._was_up or system.up_at is not None
            if self._renew_until is not None:
                self._renew_until = None
                self._say("down", ExitReason("shutdown", "the configuration has changed"))
                continue
            never_give_up = self._charge.on_give_up == "restart"
            if word is not None and is_final(word[0], was_up=self._was_up, never_give_up=never_give_up):
                self._say(*word)
                return EXIT_CODES[word[0]]
            now = time.monotonic()
            verdict = revive(self._revivals, up_since=system.up_at, now=now, never_give_up=never_give_up)
            self._revivals = verdict.revivals
            if verdict.delay_s is None:
                self._say("ended", ExitReason("shutdown", f"guardian_limit: {why}"))
                return 1
            self._say("down", ExitReason("abnormal", why))
            self._manager.healing(why)
            self._charge = replace(self._charge, not_before=now + verdict.delay_s)
            if self._pause(verdict.pause_s):
                self._say("ended", ExitReason("shutdown", "stopped"))
                return 0

    def _attend(self, system: GuardedSystem) -> str:
        """Wait until the system has ended, is broken, or must be given up; why."""
        while True:
            ready = {key.data for key, _ in self._selector.select(self._feed(system))}
            if self._watchman in system.reap():
                self._watchman = system.watchman = post_watchman(self._mark)
            if "signal" in ready:
                self._on_signal(system)
                if self._signals > 1:
                    return "forced"
            if "host" in ready:
                return "host"
            if system.listen():
                self._say("up", {**system.pids, "guardian": os.getpid()})
                self._manager.ready()
            if not is_ours(Path(self._charge.state_dir), self._held):
                return GONE
            if system.last_word is not None:
                return "ended"
            if "process" in ready:
                return system.who_died()
            until = self._stop_until or self._renew_until
            if until is not None and time.monotonic() > until:
                return f"the stop took longer than {STOP_LIMIT_S:g} s"
            trouble = system.trouble()
            if trouble:
                return trouble

    # ---- signals, host, status

    def _watch_signals(self) -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        ours.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno())
        self._signal_end = (ours, theirs)
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._count_signal)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, self._count_hang_up if self._charge.reload else signal.SIG_IGN)
        self._selector.register(ours, selectors.EVENT_READ, "signal")

    def _count_signal(self, *_: Any) -> None:
        self._signals += 1

    def _count_hang_up(self, *_: Any) -> None:
        self._hang_ups += 1

    def _on_signal(self, system: GuardedSystem | None) -> None:
        try:
            while self._signal_end[0].recv(4096):
                pass
        except BlockingIOError:
            pass
        if self._signals and self._stop_until is None:
            self._stop_until = self._stop_limit()
            self._manager.stopping()
            if system is not None:
                system.ask_to_stop()
        if self._hang_ups and self._stop_until is None:
            self._hang_ups = 0
            self._reload(system)

    def _stop_limit(self) -> float:
        return time.monotonic() + STOP_LIMIT_S + (self._charge.before_stop[2] if self._charge.before_stop else 0.0)

    def _reload(self, system: GuardedSystem | None) -> None:
        """A changed configuration has effect on the next system, and the one that runs is stopped in good order for
        it; one that is wrong changes nothing, and is told of."""
        self._manager.reloading()
        charge, trouble = reloaded(self._charge)
        if trouble:
            self._say("reload_failed", trouble)
        elif charge != self._charge and system is not None:
            self._renew_until = self._stop_limit()
            system.ask_to_stop()
        self._charge = charge
        self._manager.reloaded(trouble)

    def _feed(self, system: GuardedSystem) -> float:
        """The watchdog hears of a system whose root and admin have answered since it last did; how long to wait."""
        watchdog_s = self._manager.watchdog_s
        if watchdog_s is None or system.up_at is None:
            return LOOK_EVERY_S
        if {"root", "admin"} <= system.answered:
            system.answered.clear()
            self._manager.alive()
        now = time.monotonic()
        if now - self._fed_at >= watchdog_s / 4:
            self._fed_at = now
            system.ask_for_life()
        return min(LOOK_EVERY_S, watchdog_s / 4)

    def _watch_host(self) -> bool:
        """False when the host has ended already."""
        pid, started = self._charge.host_pid, self._charge.host_started
        assert pid is not None and started is not None
        try:
            self._host_fd = os.pidfd_open(pid)
        except OSError:
            return False
        self._selector.register(self._host_fd, selectors.EVENT_READ, "host")
        return is_alive(pid, started)

    def _pause(self, delay_s: float) -> bool:
        """Wait before the next start; True when a stop, or the host's end, came first."""
        until = time.monotonic() + delay_s
        while (left_s := until - time.monotonic()) > 0:
            ready = {key.data for key, _ in self._selector.select(left_s)}
            if "signal" in ready:
                self._on_signal(None)
            if self._stop_until is not None or "host" in ready:
                return True
        return False

    def _say(self, kind: str, detail: Any) -> None:
        if self._status is None:
            print(f"{self._charge.title}: {kind}: {detail}", file=sys.stderr, flush=True)
            return
        body = pickle.dumps((kind, detail))
        try:
            self._status.write(len(body).to_bytes(4, "big") + body)
        except OSError:
            pass


def main(body: bytes) -> None:
    """Be the guardian of the charge in ``body``; ends the process with the exit code."""
    charge: Charge = pickle.loads(body)  # noqa: S301 - from the host that started us, in memory
    take_title(f"{charge.title} guardian")
    become_subreaper()
    sys.exit(Guardian(charge).run())

"""L3: the process that owns a system and brings it back. No Thespian in it, no thread, nothing that can hang.

It holds the lock on the state directory, binds the control socket, and is the child subreaper above everything. The
death or freeze of launcher, admin, root or logger is the end of that system: every descendant is killed and reaped, and
a fresh launcher starts the next. It ends with its host: it watches a pidfd, because a pipe would stay open in the
host's fork children.
"""

from __future__ import annotations

import math
import os
import pickle
import selectors
import signal
import socket
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from supervisors import guardian_decisions as do
from supervisors.charge import Charge
from supervisors.guarded_system import GuardedSystem, reap
from supervisors.guardian_sight import held_up_s, look_within_s
from supervisors.guardian_strategy import decide
from supervisors.kept_template import KeptTemplate
from supervisors.linux import become_subreaper, is_alive, outlive_parent
from supervisors.premises import SOCKET_NAME, bind, is_ours, lock
from supervisors.reloading import reloaded, told_by_host
from supervisors.service_manager import ServiceManager
from supervisors.title import take_title
from supervisors.watchman import KeptWatchman, mark_of, sweep_predecessors

SETTLED_S = 2.0
"""A system that is up for so long has led its guardian through all that a quiet one does."""
STOP_LIMIT_S = 120.0
"""For the stop of a system, besides what its children may take by their specs."""


class Guardian:
    """Sees and does; what follows from what is decided by ``guardian_strategy``."""

    def __init__(self, charge: Charge) -> None:
        self._charge = charge
        self._status = None if charge.status_fd is None else os.fdopen(charge.status_fd, "wb", buffering=0)
        self._selector = selectors.DefaultSelector()
        self._signals: deque[do.Event] = deque()
        self._manager = ServiceManager(os.environ)
        self._events: deque[do.Event] = deque()
        self._due_at = math.inf
        self._system: GuardedSystem | None = None
        self._exit_code: int | None = None
        self.told_code: int | None = None
        self._guard = do.Guard(
            never_give_up=charge.on_give_up == "restart",
            stop_limit_s=STOP_LIMIT_S + charge.farewell_s,
            watchdog_s=self._manager.watchdog_s,
            not_before=charge.not_before,
            was_up=charge.was_up,
        )

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
        mark = mark_of(self._charge.state_dir)
        self._watchman = KeptWatchman(mark)  # before anything that it would have to end
        self._template = KeptTemplate(self._charge, mark)
        self._listener = bind(state)
        self._watch_signals()
        try:
            if self._charge.host_pid is not None and not self._watch_host():
                return 0
            return self._own()
        finally:
            if is_ours(state, held):
                (state / SOCKET_NAME).unlink(missing_ok=True)
            self._watchman.dismiss()
            self._template.dismiss()

    def _own(self) -> int:
        self._take(do.Begun())
        while self._exit_code is None:
            self._see({key.data for key, _ in self._selector.select(self._wait_s())})
        return self._exit_code

    def _wait_s(self) -> float:
        """For how long nothing need be looked at."""
        guard = self._guard
        wait_s = look_within_s(guard.suspects, guard.watchdog_s)
        return wait_s if guard.until is None else max(0.0, min(wait_s, guard.until - time.monotonic()))

    # ---- what it sees

    def _see(self, ready: set[str]) -> None:
        """All that has happened since the last look, each of it decided about in turn."""
        if "signal" in ready:
            self._take_signals()
        if "host" in ready:
            self._take(do.HostEnded())
        if not is_ours(Path(self._charge.state_dir), self._held):
            self._take(do.PlaceLost())
        if self._system is not None:
            self._see_system(self._system)
        if self._exit_code is None:
            self._take(do.Tick())
        up_at = self._guard.up_at
        if up_at is not None and time.monotonic() - up_at > SETTLED_S:
            self._watchman.renew()

    def _see_system(self, system: GuardedSystem) -> None:
        self._replace(reap())
        if not system.has_launcher and not self._template.is_fit():
            self._template.dismiss()  # so that its launcher is seen not to come
        events: list[do.Event] = [*system.hear()]
        if died := system.deaths():
            events += [*system.hear(), do.Died(died)]  # what the dead have said comes before their end
        for event in (*events, system.look()):
            if self._system is system:
                self._take(event)

    def _replace(self, reaped: set[int]) -> None:
        """There are a watchman and a template, whoever of this guardian's children has ended."""
        self._watchman.reaped(reaped)
        self._template.reaped(reaped)

    def _spared(self, system: GuardedSystem) -> set[int | None]:
        """Who lives on when the system ends: not a template that may still fork its launcher."""
        return {self._watchman.pid, self._template.pid} if system.has_launcher else {self._watchman.pid}

    def _take(self, event: do.Event) -> None:
        """Decide about the event, do what follows, and so with what comes of that."""
        self._events.append(event)
        while self._events and self._exit_code is None:
            event, now = self._events.popleft(), time.monotonic()
            if late_s := held_up_s(self._due_at, now):
                self._guard, _nothing = decide(self._guard, do.HeldUp(late_s), now)
            self._guard, actions = decide(self._guard, event, now)
            self._due_at = now + self._wait_s()
            for action in actions:
                self._do(action)

    def _watch_signals(self) -> None:
        """SIGTERM and SIGINT ask for a stop, and once more for one by force; SIGQUIT asks for that at once: of two
        equal signals in a row only one may be seen."""
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        ours.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno())
        self._signal_end = (ours, theirs)
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: self._signals.append(do.StopAsked()))
        signal.signal(signal.SIGQUIT, lambda *_: self._signals.extend((do.StopAsked(), do.StopAsked())))
        signal.signal(signal.SIGCHLD, lambda *_: None)
        hang_up = (lambda *_: self._signals.append(do.HungUp())) if self._charge.reload else signal.SIG_IGN
        signal.signal(signal.SIGHUP, hang_up)
        self._selector.register(ours, selectors.EVENT_READ, "signal")

    def _take_signals(self) -> None:
        with suppress(BlockingIOError):
            while self._signal_end[0].recv(4096):
                pass
        while self._signals:
            self._take(self._signals.popleft())

    def _watch_host(self) -> bool:
        """False when the host has ended already. From here on its end is seen, and what it calls for is done."""
        pid, started = self._charge.host_pid, self._charge.host_started
        assert pid is not None and started is not None
        try:
            host_fd = os.pidfd_open(pid)
        except OSError:
            return False
        self._selector.register(host_fd, selectors.EVENT_READ, "host")
        outlive_parent()
        return is_alive(pid, started)

    # ---- what it does

    def _do(self, action: do.Action) -> None:
        system = self._system
        match action:
            case do.Launch(not_before):
                self._launch(not_before)
            case do.Sweep():
                if system is not None:
                    self._replace(system.end(self._spared(system)))
                self._system = None
                self._events.append(do.Swept())
            case do.AskToStop() | do.AskForLife() | do.AskForLastWord():
                if system is not None:
                    system.ask(action)
            case do.Reload():
                self._reload()
            case do.Say(kind, detail):
                self._say(kind, detail)
            case do.Notify(what, text):
                self._manager.notify(what, text)
            case do.Exit(code):
                self._exit_code = code

    def _launch(self, not_before: float) -> None:
        charge = replace(self._charge, not_before=not_before)
        self._charge = replace(charge, attended=False)
        try:
            self._system = GuardedSystem(charge, self._listener, self._selector, self._template)
        except OSError as error:
            print(f"{charge.title}: no launcher could be started: {error}", file=sys.stderr, flush=True)
            self._events.append(do.Died(frozenset({"launcher"})))

    def _reload(self) -> None:
        self._manager.notify("reloading")
        charge, trouble = reloaded(self._charge)
        changed = charge != self._charge
        self._charge = charge
        self._events.append(do.Reloaded(changed, trouble, STOP_LIMIT_S + charge.farewell_s))

    def _say(self, kind: str, detail: Any) -> None:
        if kind in do.NEVER_UP and self._charge.last_word is not None:
            self.told_code = told_by_host(self._charge.last_word, kind, detail)
        elif self._status is None or kind == "alarm":
            print(f"{self._charge.title}: {kind}: {detail}", file=sys.stderr, flush=True)
        if self._status is None:
            return
        body = pickle.dumps((kind, detail))
        with suppress(OSError):
            self._status.write(len(body).to_bytes(4, "big") + body)


def main(body: bytes) -> None:
    """Be the guardian of the charge in ``body``; ends the process with the exit code."""
    charge: Charge = pickle.loads(body)  # noqa: S301 - from the host that started us, in memory
    take_title(f"{charge.title} guardian")
    become_subreaper()
    guardian = Guardian(charge)
    code = guardian.run()
    sys.stderr.flush()
    # There is nothing left to be put away, and somebody may be waiting for this end.
    os._exit(guardian.told_code or code)

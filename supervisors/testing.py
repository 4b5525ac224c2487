"""What a test of actors needs: a tree in virtual time, a clock that is moved by hand, an actor that does what it is
told, and a way to wait for a fact instead of for a while.

    with SimulatedTree.start(spec, seed=7) as tree:
        tree.tell("worker", ("raise", "told to"))
        eventually(lambda: tree.which_children("root")[0].restarts == 1, clock=tree)

The same test runs on real processes with ``ActorTree.start(spec, state_dir=…)`` and no ``clock``.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from supervisors.actor import ManagedActor
from supervisors.errors import ExitReason, SupervisorError
from supervisors.messages import IGNORE, Peer
from supervisors.systems.simulated import EPOCH_S, Faults, Simulation
from supervisors.systems.simulated_process import SIGKILLED, SimulatedProcess
from supervisors.systems.simulated_tree import SimulatedTree

__all__ = ["Clock", "Faults", "ManualClock", "Puppet", "SimulatedTree", "Simulation", "eventually"]

HANG_S = 3600.0
LOOK_EVERY_S = 0.01
PASSING = frozenset({"restarting", "actor_failed", "timeout"})


class Clock(Protocol):
    """Monotonic seconds, and a way to let them pass. A ``SimulatedTree`` is one."""

    def now(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self, now_s: float = 0.0, wall_s: float = EPOCH_S) -> None:
        self._now_s = now_s
        self._wall_s = wall_s

    def now(self) -> float:
        """Monotonic seconds."""
        return self._now_s

    def wall(self) -> float:
        """Wall-clock seconds since the epoch."""
        return self._wall_s

    def sleep(self, seconds: float) -> None:
        """``seconds`` (0 or more) have passed on both clocks."""
        if seconds < 0:
            raise ValueError(f"seconds={seconds!r}: monotonic time never goes back")
        self._now_s += seconds
        self._wall_s += seconds

    advance = sleep

    def set_wall(self, wall_s: float) -> None:
        """The wall clock has jumped; monotonic time has not."""
        self._wall_s = wall_s


class _RealClock:
    now = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)


def eventually(check: Callable[[], Any], within_s: float = 20.0, clock: Clock | None = None) -> Any:
    """The first true value of ``check``. That an actor is just being restarted, failed, or did not answer in time
    counts as not yet. AssertionError when ``within_s`` seconds of ``clock`` (default: real ones) are over."""
    clock = clock or _RealClock()
    until = clock.now() + within_s
    last: Any = None
    while True:
        try:
            last = check()
        except SupervisorError as error:
            if error.code not in PASSING:
                raise
            last = error
        else:
            if last:
                return last
        if clock.now() >= until:
            raise AssertionError(f"it did not become true within {within_s:g} s; the last look gave {last!r}")
        clock.sleep(LOOK_EVERY_S)


class Puppet(ManagedActor):
    """An actor that does what a message says, on real and on simulated systems alike. Anything that is not in this
    table is kept and answered with itself::

        ("reply", value)      answers value             ("raise", text)     raises RuntimeError(text)
        ("stop", kind, text)  self.stop(kind, text)     ("exit", code)      sys.exit(code)
        ("hang", seconds)     the handler takes that    ("die", code)       os._exit(code)
        ("later", s, message) message comes after s     ("kill",)           SIGKILL to itself
        ("send", to, message) self.send; answers it     ("watch", target)   keeps what it hears of target
        "kept"                what it has kept          "incarnation"       which process it is
        "path"                where it stands         ("unwatch", target) hears of it no more; answers None

    ``starts`` says how its starts go, one word each, the last for all later ones: ok, info, ignore, raise, exit, die,
    kill, hang. ``stops`` how an ordered stop goes: ok, hang, raise, or a text that becomes the detail of its exit
    reason. ``book`` is a file that gets one line at each start and stop; with several words in ``starts`` it is needed,
    since it is how one incarnation knows of those before it.
    """

    def on_start(
        self, name: str = "", book: str = "", starts: tuple[str, ...] = ("ok",), stops: str = "ok", **more: Any
    ) -> Any:
        self.name, self.book, self.stops, self.more = name, book, stops, more
        self.kept: list[Any] = []
        number = self._note("start")
        match starts[min(number, len(starts)) - 1]:
            case "info":
                return {"name": name, **more}
            case "ignore":
                return IGNORE
            case "raise":
                raise ValueError("cannot start")
            case "exit":
                sys.exit("no such thing")
            case "die":
                self._die(3)
            case "kill":
                self._die(-signal.SIGKILL)
            case "hang":
                self._take(HANG_S)
        return None

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case ("reply", value):
                self.reply(value)
            case ("raise", text):
                raise RuntimeError(text)
            case ("exit", code):
                sys.exit(code)
            case ("die", code):
                self._die(code)
            case ("kill",):
                self._die(-signal.SIGKILL)
            case ("stop", kind, text):
                self.stop(kind, text)
            case ("hang", seconds):
                self._take(seconds)
                self.reply("done")
            case ("later", seconds, later):
                self.after(seconds, later)
            case ("send", target, sent):
                self.reply(self.send(target, sent))
            case ("watch", target):
                self.watch(target)
            case ("unwatch", target):
                self.unwatch(target)
                self.reply(None)
            case "kept":
                self.reply(list(self.kept))
            case "path":
                self.reply(self.path)
            case "incarnation":
                self.reply(self.incarnation)
            case _:
                self.kept.append(message)
                if not isinstance(message, Peer):
                    self.reply(message)

    def on_stop(self, reason: ExitReason) -> None:
        self._note("stop")
        match self.stops:
            case "ok":
                pass
            case "hang":
                self._take(HANG_S)
            case "raise":
                raise RuntimeError("cannot stop")
            case detail:
                self.stop("shutdown", detail)

    def _note(self, what: str) -> int:
        """Write it down; how many times this name did it, this one included."""
        if not self.book:
            return 1
        line = f"{what} {self.name}\n"
        path = Path(self.book)
        with path.open("a") as file:
            file.write(line)
        return path.read_text().splitlines(keepends=True).count(line)

    def _take(self, seconds: float) -> None:
        system = self._shell.system
        if isinstance(system, SimulatedProcess):
            system.takes(seconds)
        else:
            time.sleep(seconds)

    def _die(self, code: int) -> None:
        system = self._shell.system
        if isinstance(system, SimulatedProcess):
            kind = ExitReason("abnormal", f"exit code {code}") if code else ExitReason("normal", "exit code 0")
            system.crash(SIGKILLED if code == -signal.SIGKILL else kind)
        elif code < 0:
            os.kill(os.getpid(), -code)
        else:
            os._exit(code)

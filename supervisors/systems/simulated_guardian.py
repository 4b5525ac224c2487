"""A guardian on a simulated machine: what the real one decides by (``guardian_strategy``), carried out on a simulated
root. Launcher, admin and logger are not processes here; that one of them was killed can be told."""

from __future__ import annotations

import math
import pickle
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from supervisors import guardian_decisions as do
from supervisors.errors import ExitReason
from supervisors.guardian_policy import CALM_S
from supervisors.guardian_strategy import decide
from supervisors.guardian_table import Phase
from supervisors.messages import Stop
from supervisors.systems.simulated import Simulation
from supervisors.systems.simulated_process import SIGKILLED, SimulatedProcess

ROLES = frozenset({"launcher", "admin", "logger", "root"})
LOOK_EVERY_S = 1.0


class SimulatedGuardian:
    """Owns one root after the other. ``said`` is called with what its owner is told (kind, detail); ``launched`` with
    each new root; ``post`` carries a message to an address."""

    def __init__(
        self,
        machine: Simulation,
        spec: bytes,
        guard: do.Guard,
        *,
        said: Callable[[str, Any], None],
        launched: Callable[[SimulatedProcess], None],
        post: Callable[[Any, Any], None],
    ) -> None:
        self.root: SimulatedProcess | None = None
        self.guard = guard
        self._machine = machine
        self._spec = spec
        self._said = said
        self._launched = launched
        self._post = post
        self._events: deque[do.Event] = deque()
        self._is_looking = False

    def take(self, event: do.Event) -> None:
        """Decide about the event, and do what follows, unless that is being done already: then it comes after."""
        self._events.append(event)
        if len(self._events) > 1:
            return
        while self._events:
            before = self.guard.until
            self.guard, actions = decide(self.guard, self._events[0], self._machine.now())
            for action in actions:
                self._do(action)
            self._events.popleft()
            if self.guard.until not in (None, before, math.inf):
                self._machine.at(self.guard.until, partial(self.take, do.Tick()))

    def kill(self, roles: frozenset[str]) -> None:
        """Those of launcher, admin, logger and root are dead at once, and their guardian will see it."""
        if "root" in roles and self.root is not None:
            self.root.die(SIGKILLED)
        if others := roles - {"root"}:
            self._later(do.Died(others))

    def look(self) -> None:
        """From now on, once a second, until nobody is seen stopped."""
        if not self._is_looking:
            self._is_looking = True
            self._machine.at(self._machine.now() + LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        self._is_looking = False
        root = self.root
        is_stopped = root is not None and root.is_alive and root.is_frozen
        self.take(do.Looked({"root": None} if is_stopped else {}))
        if is_stopped and self.root is root:
            self.look()

    def _do(self, action: do.Action) -> None:
        match action:
            case do.Launch(not_before):
                self._machine.at(not_before, self._launch)
            case do.Sweep():
                if self.root is not None:
                    root, self.root = self.root, None
                    root.die(SIGKILLED)
                self._events.append(do.Swept())
            case do.AskToStop():
                if self.root is not None and self.root.is_alive:
                    self._post(self.root.address(), Stop(ExitReason("shutdown", "stopped")))
            case do.AskForLastWord():
                self._later(do.Wordless())
            case do.Say(kind, detail):
                self._said(kind, detail)

    def _launch(self) -> None:
        if self.guard.phase not in (Phase.RUNNING, Phase.STOPPING):
            return
        spec = pickle.loads(self._spec)  # noqa: S301 - pickled by the tree itself, in memory
        root = SimulatedProcess(self._machine, spec, spec.id, self._machine.new_pid(), lambda w: self._heard(root, w))
        self.root = root
        self.take(do.Allowed(spec.stop_s))
        self._launched(root)
        if self.guard.phase is Phase.STOPPING:
            self._do(do.AskToStop())

    def _heard(self, root: SimulatedProcess, word: tuple[Any, ...]) -> None:
        """What the root told its launcher, and with its last word the launcher's own end."""
        if root is not self.root:
            return
        if word[0] == "started":
            self.take(do.CameUp({"root": root.pid}))
            if self.guard.is_alarmed:
                self._machine.at(self._machine.now() + CALM_S, self._look)
        elif word[-1] == SIGKILLED:
            self.take(do.Died(frozenset({"root"})))
        else:
            self.take(do.Said("ended" if self.guard.up_at is not None else "start_failed", word[-1]))
            self._later(do.Died(frozenset({"launcher"})))

    def _later(self, event: do.Event) -> None:
        """The guardian sees it after a moment, unless it holds another system by then."""
        root = self.root
        at_s = self._machine.now() + self._machine.draw_s(self._machine.faults.delay_s)
        self._machine.at(at_s, lambda: self.take(event) if self.root is root else None)

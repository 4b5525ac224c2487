"""A guardian without a process, whose actions have the effect they name, at a clock that is moved by hand."""

from __future__ import annotations

from typing import Any

from supervisors import guardian_decisions as do
from supervisors.errors import ExitReason
from supervisors.guardian_decisions import Guard
from supervisors.guardian_strategy import decide
from supervisors.guardian_table import Phase

STOP_S = 130.0
UP = do.CameUp({"root": 1})
ROOT, ADMIN, LAUNCHER, LOGGER = (do.Died(frozenset({name})) for name in ("root", "admin", "launcher", "logger"))
GAVE_UP = do.Said("ended", ExitReason("shutdown", "limit"))


class World:
    """A guardian whose actions have the effect they name, at a clock that is moved by hand."""

    def __init__(self, **more: Any) -> None:
        self.guard = Guard(**{"never_give_up": False, "stop_limit_s": STOP_S, **more})
        self.now = 100.0
        self.did: list[do.Action] = []
        self.feed(do.Begun())

    def feed(self, *events: do.Event) -> list[do.Action]:
        """What was done about them, the sweep's own end included."""
        did: list[do.Action] = []
        rest = list(events)
        while rest:
            self.guard, actions = decide(self.guard, rest.pop(0), self.now)
            did += actions
            if do.Sweep() in actions:
                rest.insert(0, do.Swept())
        self.did += did
        return did

    def passes(self, seconds: float) -> list[do.Action]:
        self.now += seconds
        return self.feed(do.Tick())

    def breaks(self, *events: do.Event) -> float | None:
        """The system is ended by ``events``; how long until the next may start, which is launched; None: it was the
        last."""
        self.feed(*(events or (LAUNCHER,)))
        if self.guard.phase is Phase.OVER:
            return None
        delay_s = self.guard.not_before - self.now
        assert self.guard.until is not None
        launched = self.passes(self.guard.until - self.now)
        assert launched == [do.Launch(self.guard.not_before)]
        return delay_s

    def said(self) -> list[tuple[str, Any]]:
        return [(each.kind, each.detail) for each in self.did if isinstance(each, do.Say)]

    def codes(self) -> list[int]:
        return [each.code for each in self.did if isinstance(each, do.Exit)]


def up(**more: Any) -> World:
    world = World(**more)
    world.feed(UP)
    return world

"""The actors that ``supervision.py`` kills, and how it finds out that one is back."""

from __future__ import annotations

import os
import time
from typing import Any

from pydantic import BaseModel

from supervisors import ActorTree, DurableActor, ManagedActor, SupervisorError

STATE_CHARS = 10_000
PAUSE_S = 0.0005
PATIENCE_S = 60.0
HEALING = ("restarting", "actor_failed", "not_found")


class Echo(ManagedActor):
    """Replies which process it is."""

    def receive(self, message: Any, sender: str | None) -> None:
        self.reply(os.getpid())


class Keeper(DurableActor):
    """The same with 10 kB of state; its answer shows that the state is there."""

    class State(BaseModel):
        ballast: str = ""

    def on_start(self) -> None:
        self.state.ballast = self.state.ballast or "x" * STATE_CHARS

    def receive(self, message: Any, sender: str | None) -> None:
        self.reply(os.getpid() if self.restored.version and len(self.state.ballast) == STATE_CHARS else 0)


def successor(tree: ActorTree, target: str, before: int) -> int:
    """The pid of the process that answers in the place of ``before``, once it does."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            pid = int(tree.ask(target, "who?"))
        except SupervisorError as error:
            if error.code not in HEALING:
                raise
        else:
            if pid != before:
                if not pid:
                    raise RuntimeError(f"{target} came back without its state")
                return pid
        time.sleep(PAUSE_S)
    raise RuntimeError(f"{target} was not back after {PATIENCE_S:g} s")


def ms_since(began_at: float) -> float:
    return (time.monotonic() - began_at) * 1000

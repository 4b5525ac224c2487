"""The actor that ``supervision.py`` kills, and how it finds out that it is back."""

from __future__ import annotations

import os
import time
from typing import Any

from supervisors import ActorTree, ManagedActor, SupervisorError

PAUSE_S = 0.0005
PATIENCE_S = 60.0
HEALING = ("restarting", "actor_failed", "not_found", "timeout")


class Echo(ManagedActor):
    """Replies which process it is."""

    def receive(self, message: Any, sender: str | None) -> None:
        self.reply(os.getpid())


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

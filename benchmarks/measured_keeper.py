"""The actor with state that ``supervision.py`` kills. A file of its own: every process that imports it has pydantic."""

from __future__ import annotations

import os
from typing import Any

from pydantic import BaseModel

from supervisors import DurableActor

STATE_CHARS = 10_000


class Keeper(DurableActor):
    """The same with 10 kB of state; its answer shows that the state is there."""

    class State(BaseModel):
        ballast: str = ""

    def on_start(self) -> None:
        self.state.ballast = self.state.ballast or "x" * STATE_CHARS

    def receive(self, message: Any, sender: str | None) -> None:
        self.reply(os.getpid() if self.restored.version and len(self.state.ballast) == STATE_CHARS else 0)

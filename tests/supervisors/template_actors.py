"""An actor that says in which process its module was imported, and what chance gives it."""

from __future__ import annotations

import os
import random
from typing import Any

from supervisors import ManagedActor

IMPORTED_IN = os.getpid()


class Told(ManagedActor):
    def receive(self, message: Any, sender: str | None) -> None:
        self.reply((IMPORTED_IN, random.random()))

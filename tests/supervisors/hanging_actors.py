"""Actors that hang in every way a handler can, and one that works long and says so."""

from __future__ import annotations

import ctypes
import os
import re
import time
from typing import Any

from supervisors import ManagedActor
from supervisors.messages import JobDone


def keep_the_lock(seconds: int) -> int:
    """Sleeps with the interpreter's lock held, so that no thread of this process runs."""
    ctypes.PyDLL(None).sleep(seconds)
    return os.getpid()


class Endless(dict[str, Any]):
    """Whoever looks at its names never comes back."""

    def __iter__(self) -> Any:
        time.sleep(600)
        return super().__iter__()


class Hanging(ManagedActor):
    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case "pid":
                self.reply(os.getpid())
            case "spin":
                while True:
                    pass
            case "regex":
                re.match(r"(a+)+$", "a" * 64 + "b")
            case "foreign":
                keep_the_lock(600)
            case "wait":
                time.sleep(600)
            case ("work", steps, step_s, says_so):
                for _ in range(steps):
                    time.sleep(step_s)
                    if says_so:
                        self.progress()
                self.reply((os.getpid(), steps))
            case ("job", seconds):
                self.asker = self.asked()
                self.start_job("foreign", keep_the_lock, seconds)
            case JobDone(value=value):
                self.reply(value, self.asker)
            case ("degrade", reason):
                self.degrade(reason)
                self.reply(True)

"""Actors that a launcher can import, each commandable to one kind of trouble."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path
from typing import Any

from supervisors import IGNORE, ExitReason, ManagedActor


class Obedient(ManagedActor):
    """Does what a message says; writes its starts and stops to ``log``."""

    def on_start(self, log: str = "", name: str = "", start: str = "", **_rest: Any) -> Any:
        self.log, self.name, self.got = log, name, []
        self._note(f"start {name}")
        match start:
            case "ignore":
                return IGNORE
            case "raise":
                raise ValueError("cannot start")
            case "exit":
                sys.exit("no such thing")
            case "die":
                os._exit(3)
            case "slow":
                time.sleep(60)
        return {"name": name}

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case "pid":
                self.reply(os.getpid())
            case "raise":
                raise RuntimeError("told to")
            case "exit":
                sys.exit("told to leave")
            case "segv":
                ctypes.string_at(0)
            case "sleep":
                time.sleep(60)
            case "stop":
                self.stop("normal", "had enough")
            case ("send", target, payload):
                self.send(target, payload)
            case "got":
                self.reply(list(self.got))
            case ("slowly", payload):
                time.sleep(0.3)
                self.got.append(payload)
            case _:
                self.got.append(message)
                self.reply((message, sender))

    def on_stop(self, reason: ExitReason) -> None:
        self._note(f"stop {self.name}")
        if self.name == "stubborn":
            time.sleep(60)

    def _note(self, line: str) -> None:
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(line + "\n")

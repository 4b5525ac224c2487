"""An actor with operations that fail as a file of the world says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from supervisors import Backoff, ErrorBudget, ManagedActor
from supervisors.grades import Grade, Policy, Treatment, Treatments

PROBES = Backoff(initial_s=0.05, factor=1, max_s=0.05)


class Failing(ManagedActor):
    """``work`` is its operation: it fails while the file ``broken`` is there, and is tried again when it is time."""

    error_budget = ErrorBudget(retry=Backoff(initial_s=0.01, factor=1, max_s=0.01), probe=PROBES)
    treatments = Treatments(
        {
            PermissionError: Treatment(Grade.P1, False, Policy.DEGRADE),
            KeyError: Treatment(Grade.P2, False, Policy.GIVE_UP),
            MemoryError: Treatment(Grade.P0, False, Policy.CRASH),
        }
    )

    def on_start(self, broken: str) -> None:
        self.broken, self.tries, self.done, self.wants, self.stays = Path(broken), 0, 0, 0, False

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case "state":
                self.reply((os.getpid(), self.tries, self.done, self.degraded))
            case "stay":
                self.stays = True
                self.reply(True)
            case ("fail", error):
                self.reply(self.failed("odd", error))
            case "work":
                self.wants += 1
                self._work()
            case "again":
                self._work()

    def _work(self) -> None:
        if not self.wants or not self.attempt("work"):
            return
        self.tries += 1
        try:
            if self.broken.exists():
                raise OSError(f"{self.broken.name} is there")
        except OSError as error:
            again_s = self.failed("work", error, may_restart=not self.stays)
            assert again_s is not None
            self.after(again_s, "again")
            return
        self.succeeded("work")
        self.wants -= 1
        self.done += 1


class Patient(Failing):
    """With the budget that every actor has."""

    error_budget = ErrorBudget()

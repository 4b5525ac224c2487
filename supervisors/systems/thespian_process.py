"""The one class of Thespian's that a tree on it is made of."""

from __future__ import annotations

import os
import signal
from typing import Any

from thespian.actors import Actor, ThespianWatch

from supervisors.linux import become_subreaper
from supervisors.systems import thespian_hardening as hardening
from supervisors.systems.birth import born
from supervisors.systems.reports import report
from supervisors.systems.thespian import ThespianSystem
from supervisors.title import take_title


class Process(Actor):  # type: ignore[misc]
    """The one Thespian actor class: a home for any actor or supervisor."""

    def __init__(self) -> None:
        for signum in hardening.ENDING_SIGNALS:
            signal.signal(signum, signal.SIG_DFL)
        for signum in hardening.IGNORED_SIGNALS:
            signal.signal(signum, signal.SIG_IGN)
        become_subreaper()
        birth = born()
        take_title(birth.title)
        self._birth = birth
        self._system = ThespianSystem(self, birth)

    def begin(self) -> None:
        """Its supervisor knows where it can be reached, and what it was born with is handled first."""
        report(self._birth.report_fd, ("born", os.getpid(), self.myAddress))
        if self._birth.greeting is not None:
            self.send(self.myAddress, self._birth.greeting)

    def receiveMessage(self, msg: Any, sender: Any) -> ThespianWatch:
        self._system.receive(msg, sender)
        return ThespianWatch(self._system.watched())

"""The Analyzer: turns a requirement's document into a plan that may be recorded, or says why it is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aidos_actors import crash
from aidos_actors.actors.words import SCHEDULER, PlanAccepted, PlanRejected
from aidos_actors.analyzers.held import hold_while_exists
from aidos_actors.blobs import get_text
from aidos_actors.core.errors import AidosError
from aidos_actors.core.orders import Analyse
from aidos_actors.core.plan import build_plan
from aidos_actors.core.requirement import Requirement
from aidos_actors.faults import TREATMENTS
from aidos_actors.layout import Layout
from supervisors import ManagedActor
from supervisors.messages import JobDone

READING = "read documents"


class Analyzer(ManagedActor):
    """Answers each ``Analyse`` with ``PlanAccepted`` or ``PlanRejected``. Asked twice, it answers twice.

    It keeps nothing: what it was doing when it died is asked again by the Scheduler. A document that cannot be read is
    the disk's fault: it is tried again for ever, within the error budget of reading.
    """

    treatments = TREATMENTS

    def on_start(self, state_dir: str, hold_file: str | None = None) -> None:
        """While ``hold_file`` exists every analysis waits: how a test catches one under way."""
        self._layout = Layout(state_dir)
        self._hold_file = hold_file
        self._asked: dict[str, Analyse] = {}

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case Analyse():
                self._asked[message.requirement] = message
                self.start_job(message.requirement, self._analyse, message)
            case JobDone(job=name):
                self._done(name, message)

    def _done(self, name: str, done: JobDone) -> None:
        order = self._asked.pop(name, None)
        if done.error is None:
            self.succeeded(READING)
            self.send(SCHEDULER, done.value)
        elif order is not None and isinstance(done.error, OSError):
            self.after(self.failed(READING, done.error) or 0.0, order)
        else:
            self.send(SCHEDULER, PlanRejected(name, f"{type(done.error).__name__}: {done.error}"))

    def _analyse(self, order: Analyse) -> PlanAccepted | PlanRejected:
        """Runs beside the mailbox."""
        hold_while_exists(Path(self._hold_file) if self._hold_file else None)
        crash.before("plan-built")
        try:
            requirement = Requirement.model_validate_json(get_text(self._layout.blobs, order.document))
            build_plan(requirement)
        except (AidosError, ValueError) as error:
            return PlanRejected(order.requirement, str(error))
        crash.after("plan-built")
        return PlanAccepted(order.requirement)

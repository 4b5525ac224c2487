"""GitOps: every effect on a git repository, in the order of its lanes, each exactly once.

It keeps nothing that matters: an order it was carrying out when it died is given again by the Scheduler, and carrying
it out twice is carrying it out once. What fails for reasons of the machine is tried again here, more and more slowly,
for ever: it is nobody's task that failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loguru import logger

from aidos_actors.actors.words import SCHEDULER, GitWork, WorkIntegrated, WorktreeGone, WorktreeReady
from aidos_actors.core.errors import Conflict, Fenced, NotFound
from aidos_actors.core.orders import Integrate, Integration
from aidos_actors.executors.nursery import Nursery
from aidos_actors.gitops.carry_out import GitHands
from aidos_actors.gitops.lanes import Lanes, name_of
from aidos_actors.gitops.minded_run import MindedRun
from aidos_actors.layout import Layout
from supervisors import ExitReason, ManagedActor
from supervisors.messages import JobDone

FIRST_DELAY_S = 0.2
DELAY_MAX_S = 30.0


@dataclass(frozen=True, slots=True)
class _Again:
    name: str


class GitOps(ManagedActor):
    """Answers ``Prepare`` with ``WorktreeReady``, ``Integrate`` with ``WorkIntegrated``, ``Discard`` with
    ``WorktreeGone``."""

    def on_start(self, state_dir: str, base_env: dict[str, str]) -> None:
        self._nursery = Nursery()
        self._hands = GitHands(Layout(state_dir), base_env, self._nursery, MindedRun(self._nursery))
        self._lanes = Lanes()
        self._failures: dict[str, int] = {}

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case GitWork():
                self._lanes.take(message)
            case _Again(name=name):
                self._lanes.again(name)
            case JobDone(job=lane):
                self._done(self._lanes.ended(lane), message)
        for lane, work in self._lanes.next():
            self.start_job(lane, self._hands.carry_out, work)

    def on_stop(self, reason: ExitReason) -> None:
        self._nursery.close()

    def _done(self, work: GitWork, done: JobDone) -> None:
        error = done.error
        if error is None:
            self._answer(work, done.value)
        elif isinstance(error, Fenced):
            self._lanes.fenced(work)
        elif isinstance(error, Conflict) and isinstance(work.order, Integrate):
            self._answer(work, WorkIntegrated(work.order.key, Integration(None, "refused", error.message)))
        elif isinstance(error, NotFound) and isinstance(work.order, Integrate):
            lost = Integration(None, "conflict", f"the work is gone: {error.message}")
            self._answer(work, WorkIntegrated(work.order.key, lost))
        else:
            self._try_again(name_of(work), error)

    def _answer(self, work: GitWork, word: WorktreeReady | WorkIntegrated | WorktreeGone) -> None:
        self._lanes.forget(work)
        self._failures.pop(name_of(work), None)
        self.send(SCHEDULER, word)

    def _try_again(self, name: str, error: BaseException) -> None:
        failures = self._failures[name] = self._failures.get(name, 0) + 1
        delay_s = min(DELAY_MAX_S, FIRST_DELAY_S * 2.0 ** min(failures - 1, 20))
        logger.warning("{} failed ({} times), again in {:.1f} s: {}", name, failures, delay_s, error)
        self.after(delay_s, _Again(name))

"""What a Worker does with its hands: clear the place, mind a command, run it, check it, or call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from aidos_actors import crash
from aidos_actors.core.agents.profile import AgentProfile
from aidos_actors.core.orders import AttemptOutcome, Call, CallEnded, Minder, Start, WorkerId
from aidos_actors.executors.agent import AgentHands
from aidos_actors.executors.as_found import AS_FOUND
from aidos_actors.executors.begun import TimedMark
from aidos_actors.executors.call import call, call_of_batch
from aidos_actors.executors.call_queue import CallMark, CallQueue, run_chunk
from aidos_actors.executors.checkpoints import CheckpointLimits
from aidos_actors.executors.command import Surroundings, judged, mark_of, verified, with_its_folder
from aidos_actors.executors.environment import forget_repository
from aidos_actors.executors.full_disk import blamed
from aidos_actors.executors.nursery import Nursery
from aidos_actors.executors.orders import NurseryLost, Order
from aidos_actors.executors.said import SAID
from aidos_actors.executors.stray_alarm import ALARM
from aidos_actors.executors.sweep import end_marked, wait_gone
from aidos_actors.folders import delete_tree
from aidos_actors.layout import Layout
from aidos_actors.ports import Minding

CLEARING_LIMIT_S = 30.0
EARLIER_MARKS = 3


class WorkerHands:
    """The port ``Executor`` on real processes: all below one nursery, which ends with this process."""

    def __init__(
        self,
        layout: Layout,
        base_env: Mapping[str, str],
        checkpoints: CheckpointLimits,
        agents: Mapping[str, AgentProfile] | None = None,
    ) -> None:
        SAID.catch_prints()
        forget_repository()
        ALARM.listen()
        AS_FOUND.begin()
        self._around = Surroundings(base_env, layout, checkpoints)
        self._nursery = Nursery(keeps_one=True)
        self._agents = AgentHands(self._around, agents or {})

    def clear(self, order: Start) -> Minding | None:
        crash.before("leftovers-ended")
        for pid, started in order.previous:
            if pid and not wait_gone(pid, started, CLEARING_LIMIT_S):
                raise TimeoutError(f"the minder {pid} of an earlier attempt does not end")
        key = order.key
        for number in range(max(1, key.number - EARLIER_MARKS), key.number):
            earlier = replace(key, number=number)
            if end_marked(mark_of(self._around.layout, earlier), CLEARING_LIMIT_S):
                raise TimeoutError(f"a process of {key.requirement}/{key.task}/{number} does not end")
        crash.after("leftovers-ended")
        if order.repo is None:
            crash.before("folder-made")
            Path(order.path).mkdir(parents=True, exist_ok=True)
            crash.after("folder-made")
        if order.agent is not None:
            return self._minder_of(self._agents.command(order))
        return self._minder_of(self._around.command(order, order.task.run)) if order.task.run is not None else None

    def _minder_of(self, command: Order) -> Minding:
        crash.before("minder-spawned")
        minded = self._nursery.spawn(command)
        crash.after("minder-spawned")
        return minded

    def run(self, order: Start, given: Callable[[Minding], None]) -> AttemptOutcome:
        minded = self.clear(order) if self.waiting() == order.minder else None
        if minded is None or (minded.pid, minded.started) != order.minder:
            raise NurseryLost("The minder that waited for the command has gone before it came.")
        given(minded)
        return self.ran(order, minded)

    def waiting(self) -> Minder | None:
        return self._nursery.waiting()

    def ran(self, order: Start, minded: Minding) -> AttemptOutcome:
        crash.before("command-run")
        all_ended = False
        if order.agent is not None:
            outcome = self._agents.ran(order, minded)
        else:
            done = minded.wait()
            all_ended = done.all_ended
            outcome = judged(done, "run", timeout_s=order.task.timeout_s)
        crash.after("command-run")
        outcome = self._blamed(with_its_folder(outcome, order.path), order.path)
        return self._left(order, outcome, all_ended=all_ended)

    def verified(self, order: Start, left_s: float, began: Callable[[Minding], None]) -> AttemptOutcome:
        crash.before("verify-run")
        outcome = verified(self._nursery, order, self._around.env(order), self._around.output(order.key), left_s, began)
        crash.after("verify-run")
        return self._left(order, self._blamed(outcome, order.path), is_verified=True)

    def called(self, order: Start, progress: Callable[[], None]) -> AttemptOutcome:
        if not Path(order.path).is_dir():  # a Go that came late, to a worker that was stopped meanwhile
            text = "the attempt's folder is gone, so it was given up before it began"
            return AttemptOutcome(False, None, text, "call", fault="infra")
        crash.before("call-run")
        self._mark.begin(order.key, order.task.timeout_s)
        try:
            outcome = self._blamed(call(self._around, order, progress), order.path)
        finally:
            self._mark.rest()
        crash.after("call-run")
        wear = AS_FOUND.wear()
        if wear and outcome.ok and order.task.verify is not None:
            return AttemptOutcome(False, None, f"{wear}, so its verify cannot run there", "call", fault="own")
        return outcome if wear else self._left(order, outcome)

    def _left(
        self, order: Start, outcome: AttemptOutcome, *, is_verified: bool = False, all_ended: bool = False
    ) -> AttemptOutcome:
        """What the attempt leaves behind. Its folder, when nothing of it goes into a repository, is removed here at
        once: its minder says that all have ended, or no process has its mark. Otherwise GitOps removes it, when the
        outcome is on record."""
        is_over = is_verified or not outcome.ok or order.task.verify is None
        if order.repo is not None or not is_over:
            return outcome
        if not all_ended and end_marked(mark_of(self._around.layout, order.key), 0.0):
            return outcome
        crash.before("folder-left")
        try:
            delete_tree(Path(order.path))
        except OSError:
            return outcome
        crash.after("folder-left")
        return replace(outcome, is_folder_gone=True)

    def _blamed(self, outcome: AttemptOutcome, *folders: str) -> AttemptOutcome:
        return blamed(outcome, *folders, self._around.layout.state_dir, os.environ.get("TMPDIR", "/tmp"))

    def call_some(self, queue: CallQueue) -> None:
        run_chunk(queue, self._called_of_batch)

    def _called_of_batch(self, requirement: str, order: Call) -> CallEnded:
        crash.before("call-of-batch-run")
        ended = call_of_batch(self._around, requirement, order)
        crash.after("call-of-batch-run")
        return ended if ended.outcome is None else ended._replace(outcome=self._blamed(ended.outcome))

    def begun_mark(self, worker: WorkerId) -> CallMark:
        self._mark: CallMark = TimedMark(self._around.layout.begun(worker.path), worker.incarnation)
        return self._mark

    def wear(self) -> str:
        return AS_FOUND.wear()

    def close(self) -> None:
        self._nursery.close()

"""The port ``Executor`` without processes: it clears up, spawns minders by a nursery, and calls functions, each step in
virtual time and with the same crash points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from aidos_actors import crash
from aidos_actors.core.orders import AttemptKey, AttemptOutcome, CallEnded, Minder, Start, WorkerId
from aidos_actors.executors.begun import BegunMark
from aidos_actors.executors.call_queue import CallMark, CallQueue
from aidos_actors.executors.command import judged
from aidos_actors.executors.orders import NurseryLost
from aidos_actors.layout import Layout
from aidos_actors.ports import Minding
from tests.simulation.simulated_minder import LOOK_S, SHORT_S, WORK_S, SimulatedMinder, has_folder
from tests.simulation.world import Ended, Life, Steps, step, world

OWNER_LOOK_S = 0.1
CLEARING_LOOKS_MAX = 1500


class SimulatedExecutor:
    def __init__(self, layout: Layout, base_env: Mapping[str, str], _checkpoints: object = None) -> None:
        self._world = world()
        self._layout = layout
        self._owner = self._world.machine.acting
        self._nursery = self._new_nursery()
        self._waiting: SimulatedMinder | None = None

    def close(self) -> None:
        self._nursery.die()

    def clear(self, order: Start) -> Minding | None:
        steps: Any = self._clear(order)  # a generator: the simulated machine lets its seconds pass
        return steps  # type: ignore[no-any-return]

    def run(self, order: Start, given: Callable[[Minding], None]) -> AttemptOutcome:
        steps: Any = self._run(order, given)
        return steps  # type: ignore[no-any-return]

    def waiting(self) -> Minder | None:
        minder = self._waiting
        is_there = minder is not None and minder.is_alive and self._nursery.is_alive
        return (minder.pid, minder.started) if minder is not None and is_there else None

    def ran(self, order: Start, minded: Minding) -> AttemptOutcome:
        steps: Any = self._ran(order, minded, "command-run", "run")
        return steps  # type: ignore[no-any-return]

    def verified(self, order: Start, left_s: float, began: Callable[[Minding], None]) -> AttemptOutcome:
        steps: Any = self._verified(order, began)
        return steps  # type: ignore[no-any-return]

    def call_some(self, queue: CallQueue) -> None:
        steps: Any = self._call_some(queue)
        return steps  # type: ignore[no-any-return]

    def begun_mark(self, worker: WorkerId) -> CallMark:
        return BegunMark(self._layout.begun(worker.path), worker.incarnation)

    def wear(self) -> str:
        return ""

    def called(self, order: Start, _progress: Callable[[], None]) -> AttemptOutcome:
        steps: Any = self._called(order)
        return steps  # type: ignore[no-any-return]

    # ---- as steps

    def _clear(self, order: Start) -> Steps:
        crash.before("leftovers-ended")
        for _ in range(CLEARING_LOOKS_MAX):
            if not self._of_earlier(order):
                break
            yield LOOK_S
        else:
            raise TimeoutError(f"something of an attempt before {order.key} does not end")
        crash.after("leftovers-ended")
        if order.repo is None:
            yield from step("folder-made", 0.001, lambda: self._world.folders.add(order.path))
        if order.task.run is None:
            return None
        yield from step("checkpoint-folder-made", 0.001, lambda: None)
        crash.before("minder-spawned")
        minder = yield from self._spawn(order, order.task.run)
        crash.after("minder-spawned")
        return minder

    def _of_earlier(self, order: Start) -> list[AttemptKey]:
        """Minders on record by pid, and everything else by its mark."""
        pids = {pid for pid, _ in order.previous}
        minders = [life for life in self._world.lives if isinstance(life, SimulatedMinder) and not life.has_gone]
        by_pid = [order.key for life in minders if life.pid in pids]
        task = (order.key.requirement, order.key.task)
        return by_pid + [key for key in self._world.running if (key.requirement, key.task) == task]

    def _run(self, order: Start, given: Callable[[Minding], None]) -> Steps:
        minded = (yield from self._clear(order)) if self.waiting() == order.minder else None
        if minded is None or (minded.pid, minded.started) != order.minder:
            raise NurseryLost("The minder that waited has gone.")
        given(minded)
        return (yield from self._ran(order, minded, "command-run", "run"))

    def _spawn(self, order: Start, command: str) -> Steps:
        if self.waiting() is not None:
            minder, self._waiting = self._waiting, None
            return minder.give(order, command)
        for _ in range(2):
            if not self._nursery.is_alive:
                self._nursery = self._new_nursery()
            minder = self._fork()
            if minder is not None:
                yield self._world.chance.uniform(*SHORT_S)
                return minder.give(order, command)
            yield 0.01
        raise TimeoutError("the nursery died twice")

    def _fork(self) -> SimulatedMinder | None:
        """The nursery's own act."""
        before, self._world.life = self._world.life, self._nursery
        try:
            crash.before("minder-forked")
            minder = SimulatedMinder(self._world, self._owner, self._nursery)
            minder.run(minder.script())
            crash.after("minder-forked")
        except Ended:
            return None
        finally:
            self._world.life = before
        return minder

    def _ran(self, order: Start, minded: Any, point: str, stage: str) -> Steps:
        crash.before(point)
        while minded.outcome is None:
            yield LOOK_S
        crash.after(point)
        if minded.outcome.reason == "exited":
            self._waiting = minded.minder
        outcome = judged(minded.outcome, stage, timeout_s=order.task.timeout_s)
        is_over = stage == "verify" or not outcome.ok or order.task.verify is None
        return (yield from self._left(order, outcome)) if is_over else outcome

    def _left(self, order: Start, outcome: AttemptOutcome) -> Steps:
        if order.repo is not None or order.key in self._world.running:
            return outcome
        yield from step("folder-left", 0.001, lambda: self._world.folders.discard(order.path))
        return replace(outcome, is_folder_gone=True)

    def _verified(self, order: Start, began: Callable[[Minding], None]) -> Steps:
        assert order.task.verify is not None
        minded = yield from self._spawn(order, order.task.verify)
        began(minded)
        minded.go()
        return (yield from self._ran(order, minded, "verify-run", "verify"))

    def _called(self, order: Start) -> Steps:
        crash.before("call-run")
        if self._owner in self._world.disowned or not has_folder(self._world, order):
            return AttemptOutcome(False, None, "its folder is gone", "call", fault="infra")
        self._begin_call(order.key)
        yield self._world.chance.uniform(*WORK_S)
        self._world.task_ends(order.key)
        crash.after("call-run")
        return AttemptOutcome(True, 0, None, "call", "1")

    def _call_some(self, queue: CallQueue) -> Steps:
        while self._owner not in self._world.disowned and (current := queue.begin_next()) is not None:
            crash.before("call-of-batch-run")
            self._begin_call(current.key)
            yield self._world.chance.uniform(*WORK_S)
            self._world.task_ends(current.key)
            crash.after("call-of-batch-run")
            queue.end(current, CallEnded(current.call.task, current.call.number, "1"))

    def _begin_call(self, key: AttemptKey) -> None:
        """A callable dies with its worker, at once."""
        life = Life(self._world, f"call of {key.task}", self._owner)
        self._world.lives.append(life)
        self._world.task_begins(key)
        life.run(self._watch_owner(life, key))

    def _watch_owner(self, life: Life, key: AttemptKey) -> Steps:
        while key in self._world.running and self._owner.is_alive and self._owner not in self._world.disowned:
            yield 0.001
        self._world.task_ends(key)
        life.die()

    def _new_nursery(self) -> Life:
        nursery = Life(self._world, "nursery", self._owner)
        self._world.lives.append(nursery)
        nursery.run(self._watch_owner_of(nursery))
        return nursery

    def _watch_owner_of(self, nursery: Life) -> Steps:
        while self._owner.is_alive and self._owner not in self._world.disowned:
            yield OWNER_LOOK_S
        nursery.die()

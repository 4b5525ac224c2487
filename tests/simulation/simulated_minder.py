"""The port ``Minding`` without processes: a minder is a script of its own, a command takes virtual seconds.

As below a real worker, a minder outlives neither its nursery nor its worker, and what it minded ends a while after it.
"""

from __future__ import annotations

from typing import Any

from aidos_actors.core.orders import Start
from aidos_actors.core.states import REQUIREMENT_FINAL
from aidos_actors.executors.orders import Outcome
from tests.simulation.simulated_model import HARD
from tests.simulation.simulated_repository import repository
from tests.simulation.world import Life, Steps, World, step

LOOK_S = 0.02
WORK_S = (0.05, 0.6)
SHORT_S = (0.001, 0.01)
LONG_S = (0.05, 2.0)
LOST = Outcome("lost", message="The process that minded the command died.")


def has_folder(of: World, order: Start) -> bool:
    """Nothing of an attempt starts where its folder was taken away, because it was given up."""
    if order.repo is None:
        return order.path in of.folders
    worktree = repository(of).worktrees.get(order.path)
    return worktree is not None and worktree.has_folder


class SimulatedMinder(Life):
    """The port ``Minding``: one command of one attempt."""

    def __init__(self, of: World, owner: Any, nursery: Life, order: Start, command: str) -> None:
        self.pid = self.started = of.machine.new_pid()
        super().__init__(of, f"minder {self.pid} of {order.key.task}", owner)
        self._nursery, self._order, self._command = nursery, order, command
        self._is_told_go = False
        self._ending: str | None = None
        self.outcome: Outcome | None = None
        self.on_death = self._leave_the_rest_to_the_nursery
        of.lives.append(self)

    def go(self) -> None:
        self._is_told_go = True

    def end(self, reason: str) -> None:
        self._ending = reason

    def wait(self) -> Outcome:
        raise AssertionError("the simulated hands look at the outcome themselves")

    def script(self) -> Steps:
        yield from step("minder-ready", self.world.chance.uniform(*SHORT_S), lambda: None)
        while not self._is_told_go and self._end is None:
            yield LOOK_S
        if self._end is None and not has_folder(self.world, self._order):
            self.outcome = Outcome("failed_to_start", message="its folder is gone")
        elif self._end is None:
            yield from step("command-started", 0.001, self._begin)
            until = self.world.machine.now() + self.world.chance.uniform(*WORK_S)
            while (self.world.machine.now() < until or self._must_wait) and self._end is None:
                yield LOOK_S
            if self._end is None:
                self._have_its_effect()
        yield from step("descendants-ended", self._dying_s(), lambda: self.world.task_ends(self._order.key))
        exit_code = 1 if self._command == HARD else 0
        done = Outcome("exited", exit_code=exit_code) if self._end is None else Outcome("ended", message=self._end)
        if not self._nursery.is_alive:
            done = LOST
        yield from step("outcome-sent", 0.001, lambda: setattr(self, "outcome", self.outcome or done))
        self.on_death = lambda: None
        self.die()

    @property
    def _end(self) -> str | None:
        """Why it must end now, if it must."""
        if not (self.owner.is_alive and self._nursery.is_alive) or self.owner in self.world.disowned:
            return "Its owner has gone."
        return self._ending

    @property
    def _must_wait(self) -> bool:
        """What turned the target red can be done again only while its requirement is open: until others are done."""
        shop = self.world.disk.requirements.get("shop")
        return self._order.key.task == "tame0" and shop is not None and shop.state not in REQUIREMENT_FINAL

    @property
    def _is_check(self) -> bool:
        return self._command == self._order.task.verify

    def _begin(self) -> None:
        self.world.task_begins(self._order.key, is_check=self._is_check)

    def _have_its_effect(self) -> None:
        order = self._order
        if order.repo is not None and not self._is_check:
            repo = repository(self.world)
            is_red = order.key.task == "wild" and not any(each.reverts for each in repo.commits.values())
            repo.worktrees[order.path].files["red" if is_red else order.key.task] = order.key.task

    def _dying_s(self) -> float:
        """Most descendants are gone at once; some take long to end, and whoever comes next has to wait."""
        return self.world.chance.uniform(*(SHORT_S if self.world.chance.random() < 0.8 else LONG_S))

    def _leave_the_rest_to_the_nursery(self) -> None:
        def end() -> None:
            self.world.task_ends(self._order.key)
            self.outcome = self.outcome or LOST

        self.world.machine.at(self.world.machine.now() + self._dying_s(), end)

    @property
    def has_gone(self) -> bool:
        return not self.is_alive and self._order.key not in self.world.running

"""Minders without processes: each is a script of its own, a command takes virtual seconds.

As below a real worker, a minder outlives neither its nursery nor its worker, and what it minded ends a while after it.
"""

from __future__ import annotations

from typing import Any

from aidos_actors.core.orders import AttemptKey, Start
from aidos_actors.core.states import REQUIREMENT_FINAL
from aidos_actors.executors.orders import Outcome
from tests.simulation.simulated_model import HARD
from tests.simulation.simulated_repository import ENDLESS, repository
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


def places_of_work(of: World) -> set[str]:
    """The folders of all attempts whose command a living minder has."""
    minders = [life for life in of.lives if isinstance(life, SimulatedMinder) and life.is_alive]
    return {minder.minded.order.path for minder in minders if minder.minded is not None}


class SimulatedMinded:
    """The port ``Minding``: one command of one attempt, and how it ended."""

    def __init__(self, minder: SimulatedMinder, order: Start, command: str) -> None:
        self.pid, self.started = minder.pid, minder.started
        self.minder = minder
        self.order, self.command = order, command
        self.is_told_go = False
        self.ending: str | None = None
        self.outcome: Outcome | None = None

    def go(self) -> None:
        self.is_told_go = True

    def end(self, reason: str) -> None:
        self.ending = reason

    def wait(self) -> Outcome:
        raise AssertionError("the simulated hands look at the outcome themselves")

    @property
    def key(self) -> AttemptKey:
        return self.order.key

    @property
    def is_check(self) -> bool:
        return self.command == self.order.task.verify


class SimulatedMinder(Life):
    """Minds one command after the other, as long as each ends by itself."""

    def __init__(self, of: World, owner: Any, nursery: Life) -> None:
        self.pid = self.started = of.machine.new_pid()
        super().__init__(of, f"minder {self.pid}", owner)
        self._nursery = nursery
        self.minded: SimulatedMinded | None = None
        self.on_death = self._leave_the_rest_to_the_nursery
        of.lives.append(self)

    def give(self, order: Start, command: str) -> SimulatedMinded:
        """It waits for go; one that has died meanwhile is found to have."""
        self.minded = SimulatedMinded(self, order, command)
        if not self.is_alive:
            self.minded.outcome = LOST
        return self.minded

    def script(self) -> Steps:
        yield from step("minder-ready", self.world.chance.uniform(*SHORT_S), lambda: None)
        while self._is_wanted:
            if self.minded is None:
                yield LOOK_S
                continue
            yield from self._mind(self.minded)
            if self.minded.outcome is None or self.minded.outcome.reason != "exited":
                break
            self.minded = None
        self.die()

    def _mind(self, minded: SimulatedMinded) -> Steps:
        while not minded.is_told_go and self._end(minded) is None:
            yield LOOK_S
        if self._end(minded) is None and not has_folder(self.world, minded.order):
            minded.outcome = Outcome("failed_to_start", message="its folder is gone")
        elif self._end(minded) is None:
            begin = self.world.task_begins
            yield from step("command-started", 0.001, lambda: begin(minded.key, is_check=minded.is_check))
            until = self.world.machine.now() + self.world.chance.uniform(*WORK_S)
            while (self.world.machine.now() < until or self._must_wait(minded)) and self._end(minded) is None:
                yield LOOK_S
            if self._end(minded) is None:
                self._have_its_effect(minded)
        yield from step("descendants-ended", self._dying_s(), lambda: self.world.task_ends(minded.key))
        exit_code, end = 1 if minded.command == HARD else 0, self._end(minded)
        done = Outcome("exited", exit_code=exit_code) if end is None else Outcome("ended", message=end)
        if not self._nursery.is_alive:
            done = LOST
        yield from step("outcome-sent", 0.001, lambda: setattr(minded, "outcome", minded.outcome or done))

    @property
    def _is_wanted(self) -> bool:
        return self.owner.is_alive and self._nursery.is_alive and self.owner not in self.world.disowned

    def _end(self, minded: SimulatedMinded) -> str | None:
        """Why the command must end now, if it must."""
        return minded.ending if self._is_wanted else "Its owner has gone."

    def _must_wait(self, minded: SimulatedMinded) -> bool:
        """What turned the target red can be done again only while its requirement is open: until others are done."""
        shop = self.world.disk.requirements.get("shop")
        return minded.key.task == "tame0" and shop is not None and shop.state not in REQUIREMENT_FINAL

    def _have_its_effect(self, minded: SimulatedMinded) -> None:
        order = minded.order
        if order.repo is not None and not minded.is_check:
            repo = repository(self.world)
            is_red = order.key.task == "wild" and not any(each.reverts for each in repo.commits.values())
            name = "red" if is_red else ENDLESS if order.key == self.world.endless else order.key.task
            repo.worktrees[order.path].files[name] = order.key.task

    def _dying_s(self) -> float:
        """Most descendants are gone at once; some take long to end, and whoever comes next has to wait."""
        return self.world.chance.uniform(*(SHORT_S if self.world.chance.random() < 0.8 else LONG_S))

    def _leave_the_rest_to_the_nursery(self) -> None:
        minded = self.minded

        def end() -> None:
            if minded is not None:
                self.world.task_ends(minded.key)
                minded.outcome = minded.outcome or LOST

        self.world.machine.at(self.world.machine.now() + self._dying_s(), end)

    @property
    def has_gone(self) -> bool:
        return not self.is_alive and (self.minded is None or self.minded.key not in self.world.running)

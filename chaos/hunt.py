"""One kill: wait for its stage, find the process, end it, and see how long it takes until everything is back."""

from __future__ import annotations

import time
from collections.abc import Callable

from msgspec.structs import replace

from chaos.experiment import COMMAND_KINDS, Kill
from chaos.facts import Finding
from chaos.faults.processes import Process, kill_all
from chaos.journal import Event
from chaos.report import Delivered
from chaos.scene import Scene
from chaos.stages import Opening, closed_at
from chaos.victims import victims_of

TICK_S = 0.001
HEAL_TICK_S = 0.004
HEAL_PRECISION = 0.02  # of the time it took: who looks more often slows down what it waits for
HEAL_LIMIT_S = 90.0


class Hunt:
    """``must_stop``: whether there is no more sense in waiting (asked every tick; it also keeps ``run`` alive).
    ``run``: the process the campaign itself started, None when it only joined."""

    def __init__(
        self,
        scene: Scene,
        must_stop: Callable[[], bool],
        run: Callable[[], Process | None],
        read: Callable[[], list[Event]],
    ) -> None:
        self._scene = scene
        self._must_stop = must_stop
        self._run = run
        self._read = read
        self.findings: list[Finding] = []

    def carry_out(self, kill: Kill) -> Delivered | None:
        """The kill as it was delivered, in its stage or just too late; None when the work was over before."""
        while True:
            opening = self._await_stage(kill.stage)
            if opening is None:
                return None
            struck = self._strike(kill, opening)
            if struck is not None:
                return self._watched(struck, opening)
            kill = kill.sooner()

    def settle(self, duration_s: float) -> None:
        """Goes on looking for so long, or until there is no more sense in it."""
        until = time.monotonic() + duration_s
        while time.monotonic() < until and not self._must_stop():
            self._tick()

    def _await_stage(self, stage: str) -> Opening | None:
        while not self._must_stop():
            if self._scene.whole is None:
                self._scene.look_again()
                self._tick(HEAL_TICK_S)
                continue
            opening = self._scene.stages.newest(stage, self._scene.requirement)
            if opening is not None:
                return opening
            self._tick()
        return None

    def _strike(self, kill: Kill, opening: Opening) -> Delivered | None:
        """None when the stage was over before a process of that kind could be killed."""
        scene, strike_at = self._scene, time.monotonic() + kill.delay_s
        while opening.key in scene.stages.open and not self._must_stop():
            if time.monotonic() >= strike_at and scene.sight is not None and scene.owner is not None:
                victims = victims_of(kill, opening, scene.sight, self._run())
                at = time.time()
                pids = tuple(victim.pid for victim in kill_all(victims, scene.owner))
                if pids:
                    about = (opening.requirement, opening.task, opening.attempt)
                    return Delivered(kill.kind, kill.stage, pids, None, at, kill.delay_s, *about)
                scene.look_again()
            self._tick()
        return None

    def _watched(self, struck: Delivered, opening: Opening) -> Delivered:
        """With the time it took to heal, and whether the stage was still open."""
        healed_s = self._heal(struck, opening)
        over_at = closed_at(opening, self._read())
        return replace(struck, healed_s=healed_s, in_stage=over_at is None or over_at >= struck.at)

    def _heal(self, struck: Delivered, opening: Opening) -> float | None:
        scene, dead = self._scene, frozenset(struck.pids)
        began_at, steps = time.monotonic(), scene.stages.progress_of(opening)
        while True:
            if struck.kind in COMMAND_KINDS:
                is_back = scene.stages.progress_of(opening) > steps
            else:
                now = scene.look_again()
                is_back = now is not None and scene.whole is not None and now.has_back(scene.whole, dead)
            took_s = time.monotonic() - began_at
            if is_back:
                return round(took_s, 4)
            if took_s > HEAL_LIMIT_S:
                what = f"{struck.kind} (killed while {struck.stage}) was not back after {HEAL_LIMIT_S:g} s"
                self.findings.append(Finding("heal", what))
                return None
            if self._must_stop():
                return None
            self._tick(max(HEAL_TICK_S, took_s * HEAL_PRECISION))

    def _tick(self, pause_s: float = TICK_S) -> None:
        self._scene.refresh()
        time.sleep(pause_s)

"""The heap of one process's timers, and how often it asks to be woken."""

from __future__ import annotations

from supervisors.systems.timers import Timers


class Waking:
    """A transport that keeps every wake-up it was asked for."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.asked: list[float] = []

    def after(self, at: float, message: str) -> None:
        self.timers.add(at, message)
        self._ask()

    def run(self, until: float, repeat: dict[str, float], early_s: float = 0.0) -> int:
        """Fire wake-ups up to ``until``; due messages named in ``repeat`` come again after so many seconds."""
        fired = 0
        while self.asked and min(self.asked) <= until:
            at = min(self.asked)
            self.asked.remove(at)
            fired += 1
            now = at - early_s if fired % 2 else at
            self.timers.rung(at)
            for message in self.timers.due(now):
                if message in repeat:
                    self.after(now + repeat[message], message)
            self._ask()
        return fired

    def _ask(self) -> None:
        at = self.timers.alarm()
        if at is not None:
            self.asked.append(at)


def test_a_tick_beside_a_far_timer_wakes_once_a_tick() -> None:
    waking = Waking()
    waking.after(60.0, "far")
    waking.after(1.0, "tick")
    assert waking.run(50.5, {"tick": 1.0}) == 50
    assert len(waking.asked) <= 2


def test_a_wake_up_that_comes_early_is_asked_for_again() -> None:
    waking = Waking()
    waking.after(1.0, "tick")
    assert waking.run(20.5, {"tick": 1.0}, early_s=0.001) >= 20
    assert waking.timers.next_at() is not None and len(waking.asked) == 1


def test_an_earlier_timer_is_woken_for_and_the_later_one_too() -> None:
    waking = Waking()
    for at, message in ((3.0, "c"), (1.0, "a"), (2.0, "b")):
        waking.after(at, message)
    assert waking.run(3.0, {}) <= 5 and waking.timers.next_at() is None

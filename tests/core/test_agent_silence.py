"""Whether an agent is silent for too long: what has happened to others, and 500 healthy lives of which none is ended.

All of it in virtual time, on the very decision that minders use.
"""

from __future__ import annotations

from random import Random

import pytest

from aidos_actors.agent_settings import AgentSettings
from aidos_actors.core.silence import Signs, Silence

WANTED = ("files", "cpu_s")
STALL_S = AgentSettings().stall_s
LOOK_S = 15.0
HOUR_S = 3600.0
IDLE = 0.01  # of a processor: an event loop that waits


class Agent:
    """One agent, watched as a minder does. ``live`` lets time pass in which it does what is named, and nothing else."""

    def __init__(self, stall_s: float = STALL_S) -> None:
        self.now = 1000.0
        self.cpu_s, self.files, self.output_bytes, self.pids = 0.0, (10, 0), 0, frozenset({1})
        self.is_seen = True
        self.silence = Silence(stall_s, self.now, self.signs(), WANTED)
        self.ended_at: float | None = None

    def signs(self) -> Signs:
        seen = self.is_seen
        return Signs(self.output_bytes, self.files if seen else None, self.cpu_s if seen else None, self.pids)

    def live(self, span_s: float, *, cpu: float = IDLE, saves_every_s: float = 0, prints_every_s: float = 0) -> None:
        until, since = self.now + span_s, self.now
        while self.now < until and self.ended_at is None:
            step_s = min(LOOK_S, until - self.now)
            before, self.now = self.now, self.now + step_s
            self.cpu_s += cpu * step_s
            if saves_every_s and (self.now - since) // saves_every_s > (before - since) // saves_every_s:
                self.files = (self.files[0], self.files[1] + 1)
            if prints_every_s and (self.now - since) // prints_every_s > (before - since) // prints_every_s:
                self.output_bytes += 100
            self.silence.look(self.now, self.signs())
            if self.silence.is_too_long(self.now):
                self.ended_at = self.now


def test_one_that_looked_stale_for_54_minutes_had_saved_a_file_25_seconds_before() -> None:
    agent = Agent()
    agent.live(54 * 60.0 - 25, cpu=0.0, saves_every_s=600.0)
    agent.live(15.0, saves_every_s=15.0)
    agent.live(25.0, cpu=0.0)
    assert agent.ended_at is None


def test_one_that_lives_and_does_nothing_for_half_a_day_is_found_within_one_window_and_a_look() -> None:
    agent = Agent()
    agent.live(600.0, prints_every_s=30.0)
    quiet_since = agent.now
    agent.live(12.5 * HOUR_S)
    assert agent.ended_at is not None
    assert STALL_S <= agent.ended_at - quiet_since <= STALL_S + 2 * LOOK_S


def test_who_cannot_be_looked_at_is_not_dead() -> None:
    agent = Agent()
    agent.is_seen = False
    agent.live(5 * HOUR_S, cpu=0.0)
    assert agent.ended_at is None, "a look-up that fails proves nothing"
    agent.is_seen = True
    agent.live(LOOK_S, cpu=0.0)
    assert agent.ended_at is not None, "as soon as it is seen, and has done nothing in all that time"


def test_one_that_was_out_of_sight_and_has_moved_meanwhile_goes_on() -> None:
    agent = Agent()
    agent.is_seen = False
    agent.live(5 * HOUR_S, saves_every_s=HOUR_S)
    agent.is_seen = True
    agent.live(STALL_S - LOOK_S, cpu=0.0)
    assert agent.ended_at is None


@pytest.mark.parametrize("cpu", [0.06, 0.5, 4.0])
def test_hours_of_a_silent_build_are_no_silence(cpu: float) -> None:
    agent = Agent()
    agent.live(9 * HOUR_S, cpu=cpu)
    assert agent.ended_at is None


def test_a_process_that_begins_or_ends_is_a_sign() -> None:
    agent = Agent()
    for number in range(20):
        agent.live(STALL_S - LOOK_S, cpu=0.0)
        agent.pids = frozenset({1, number})
    assert agent.ended_at is None


def healthy(chance: Random) -> Agent:
    """A day's work: it thinks for a long time, tests run for hours without a word, files are saved far apart."""
    agent = Agent()
    longest_s = STALL_S - 2 * LOOK_S
    for _ in range(chance.randrange(8, 24)):
        what = chance.randrange(5)
        if what == 0:  # it waits for a model that thinks
            agent.live(chance.uniform(60.0, longest_s / 2), cpu=chance.uniform(0.0, IDLE))
            agent.output_bytes += chance.randrange(1, 5000)
        elif what == 1:  # it says something now and then
            agent.live(chance.uniform(10.0, HOUR_S), prints_every_s=chance.uniform(5.0, longest_s / 2))
        elif what == 2:  # a build, which prints nothing
            agent.live(chance.uniform(60.0, 3 * HOUR_S), cpu=chance.uniform(0.06, 8.0))
        elif what == 3:  # it edits
            agent.live(chance.uniform(60.0, 2 * HOUR_S), cpu=IDLE, saves_every_s=chance.uniform(20.0, longest_s / 2))
        else:  # nobody can see it for a while, as on a machine without a free handle
            agent.is_seen = False
            agent.live(chance.uniform(10.0, HOUR_S), cpu=chance.uniform(0.0, 1.0))
            agent.is_seen = True
            agent.files = (agent.files[0], agent.files[1] + 1)
        agent.output_bytes += 1
    return agent


def test_none_of_500_healthy_agents_is_ended() -> None:
    ended = [seed for seed in range(500) if healthy(Random(seed)).ended_at is not None]
    assert ended == []


def test_each_of_100_that_fall_silent_is_ended_in_time() -> None:
    for seed in range(100):
        agent = healthy(Random(seed))
        quiet_since = agent.now
        agent.live(13 * HOUR_S, cpu=IDLE)
        assert agent.ended_at is not None, seed
        assert agent.ended_at - quiet_since <= STALL_S + 2 * LOOK_S, seed

"""The laws of the tree under anything that can happen, in any order; and that a broken law would be seen."""

from __future__ import annotations

import inspect
import os
import textwrap
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from supervisors import Backoff, ExitReason, Restart, Strategy, backoff, ends, requests, steps, strategy
from supervisors import decisions as do
from supervisors.family import Phase as Life
from tests.supervisors.family_driver import ABNORMAL, KILLED, NORMAL, SHUTDOWN, Driver, child, pool, tree

NAMES = "abcd"
REASONS = st.sampled_from([NORMAL, SHUTDOWN, ABNORMAL, KILLED])
OUTCOMES = st.sampled_from(["ok", "fail", "ignore", "slow"])
RESTARTS = st.sampled_from(list(Restart))


class Watched(Driver):
    """A driver that counts activations by itself, from the manual, and not from what ``decide`` remembers."""

    activations: tuple[float, ...] = ()
    asked_to_end = False
    never_again: frozenset[str] = frozenset()

    def _decide(self, event: do.Event) -> None:
        counts = isinstance(event, do.Ended) and self._is_failure(event)
        if counts:
            self.activations = (*(at for at in self.activations if self.now - at <= self.spec.within_s), self.now)
        was_ending = self.family.phase is Life.ENDING
        self._forbid(event)
        super()._decide(event)
        over = len(self.activations) > self.spec.max_restarts
        if counts and not was_ending:
            is_ending = self.family.phase is Life.ENDING
            assert over == is_ending, (
                f"{len(self.activations)} of {self.spec.max_restarts} restarts, ending: {is_ending}"
            )

    def _is_failure(self, event: do.Ended) -> bool:
        row = self.family.find(event.child)
        if row is None or row.generation != event.generation or row.must_stop or not row.has_process:
            return False
        if row.life == "starting":
            return not row.is_new
        unexpected = event.reason.kind in ("abnormal", "killed")
        return row.spec.restart is Restart.PERMANENT or (row.spec.restart is Restart.TRANSIENT and unexpected)

    def _forbid(self, event: do.Event) -> None:
        """A temporary child that has ended never has a process again, unless it is added again."""
        if isinstance(event, do.StartChild) and self.family.find(event.spec.id) is None:
            self.never_again -= {event.spec.id}
        row = self.family.find(event.child) if isinstance(event, do.Ended) else None
        if row is not None and row.spec.restart is Restart.TEMPORARY:
            self.never_again |= {row.id}

    def _spawn(self, name: str, generation: int) -> None:
        assert name not in self.never_again, f"temporary {name} came back"
        row = self.family.find(name)
        assert row is not None
        if row.in_group:
            before = self.family.rows[: self.family.rows.index(row)]
            waiting = [each.id for each in before if each.in_group and each.id not in self.family_up()]
            assert not waiting, f"{name} was started before {waiting}"
        super()._spawn(name, generation)

    def family_up(self) -> set[str]:
        return {row.id for row in self.family.rows if row.life in ("running", "stopped")}

    def _carry_out(self, action: do.Action) -> None:
        if isinstance(action, do.StopProcess) and self.spec.strategy is not Strategy.DYNAMIC:
            assert not self.stopping, f"{action.child} is stopped beside {self.stopping}"
            order = self.ids()
            later = [
                row.id for row in self.family.rows if row.must_stop and order.index(row.id) > order.index(action.child)
            ]
            assert not set(later) & set(self.living), f"{action.child} is stopped before {later}"
        super()._carry_out(action)


class Tree(RuleBasedStateMachine):
    """A supervisor in a bad world."""

    world: Watched

    @initialize(data=st.data(), how=st.sampled_from(list(Strategy)), limit=st.integers(0, 4), count=st.integers(0, 4))
    def begin(self, data: Any, how: Strategy, limit: int, count: int) -> None:
        waits = st.sampled_from([0.0, 0.5])
        more = {"strategy": how, "max_restarts": limit, "within_s": 3.0}

        def make(name: str) -> Any:
            return child(name, restart=data.draw(RESTARTS), backoff=Backoff(initial_s=data.draw(waits)))

        if how is Strategy.DYNAMIC:
            self.world = Watched(pool(make("w"), initial=count, **{k: v for k, v in more.items() if k != "strategy"}))
        else:
            self.world = Watched(tree(*(make(name) for name in NAMES[:count]), **more))
        for name in [*NAMES, "w-1", "w-2"]:
            self.world.plan[name] = data.draw(st.lists(OUTCOMES, max_size=2))
        self.world.stops_slowly = data.draw(st.booleans())
        self.world.begin()

    def alive(self) -> bool:
        return self.world.end is None

    @precondition(lambda self: self.world.end is None and self.world.living)
    @rule(data=st.data(), reason=REASONS)
    def dies(self, data: Any, reason: ExitReason) -> None:
        self.world.dies(data.draw(st.sampled_from(sorted(self.world.living))), reason)

    @precondition(lambda self: self.world.end is None and self.world.stopping)
    @rule(data=st.data())
    def stops(self, data: Any) -> None:
        self.world.stopped(data.draw(st.sampled_from(sorted(self.world.stopping))))

    @precondition(lambda self: self.world.end is None and self.world.living)
    @rule(data=st.data(), up=st.booleans())
    def comes_up(self, data: Any, up: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.world.living)))
        row = self.world.family.find(name)
        if row is not None and row.pid is None:
            if up:
                self.world.started(name)
            else:
                self.world.ignored(name)

    @precondition(alive)
    @rule(name=st.sampled_from([*NAMES, "w-1", "x"]), outcomes=st.lists(OUTCOMES, max_size=2), restart=RESTARTS)
    def add(self, name: str, outcomes: list[str], restart: Restart) -> None:
        self.world.plan[name] = outcomes
        if self.world.spec.strategy is Strategy.DYNAMIC:
            self.world.add_instance(name)
        else:
            self.world.add(child(name, restart=restart))

    @precondition(alive)
    @rule(verb=st.sampled_from([do.TerminateChild, do.RestartChild, do.DeleteChild]), data=st.data())
    def ask(self, verb: type, data: Any) -> None:
        self.world.ask(verb, data.draw(st.sampled_from([*NAMES, "w-1", "w-2", "x"])))

    @precondition(alive)
    @rule(seconds=st.sampled_from([0.0, 0.4, 1.0, 3.5]))
    def time_passes(self, seconds: float) -> None:
        self.world.passes(seconds)

    @precondition(alive)
    @rule(really=st.sampled_from([False] * 9 + [True]))
    def stop(self, really: bool) -> None:
        if really:
            self.world.feed(do.StopAll())

    @precondition(lambda self: not self.alive())
    @rule()
    def is_over(self) -> None:
        assert not self.world.living

    def teardown(self) -> None:
        """Whatever happened, a stop ends it all, and nobody who asked is left without an answer."""
        if not hasattr(self, "world") or self.world.end is not None:
            return
        self.world.stops_slowly = False
        self.world.feed(do.StopAll())
        while self.world.end is None:
            name = sorted(self.world.stopping)[0]
            self.world.stopped(name)
        asked = next(self.world._calls)
        unanswered = {f"call-{number}" for number in range(1, asked)} - set(self.world.answers)
        assert not unanswered, f"nobody answered {sorted(unanswered)}"


EXAMPLES, STEPS = (1000, 50) if os.environ.get("LAWS") == "full" else (150, 30)
FEW = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
Tree.TestCase.settings = FEW
TestTree = Tree.TestCase

PLANTED = {
    "one restart too few": (ends, "_activate", "len(history) > spec.max_restarts", "len(history) >= spec.max_restarts"),
    "one restart too many": (ends, "_activate", "len(history) > spec", "len(history) - 1 > spec"),
    "a window that never slides": (ends, "_activate", "now - at <= spec.within_s", "True"),
    "a temporary child comes back": (ends, "_died", "restart is Restart.PERMANENT", "restart is not Restart.TRANSIENT"),
    "a transient child always comes back": (ends, "_died", "not reason.is_expected", "True"),
    "stops in start order": (steps, "_next_stops", "reversed(family.rows)", "family.rows"),
    "all are stopped at once": (steps, "_next_stops", "if not at_once:", "if False:"),
    "no one waits for the earlier": (steps, "advance", "_waits_for_earlier(family, row)", "False"),
    "starts go on while ending": (steps, "advance", "family.phase is Phase.ENDING", "False"),
    "a generation is used again": (steps, "advance", "family.spawned + 1", "row.generation + 1"),
    "starts before the old are gone": (ends, "_join", "if not row.has_process:", "if True:"),
    "the one who waits is forgotten": (ends, "_after_stop", "for call in dead.calls", "for call in ()"),
}


@pytest.mark.parametrize("bug", sorted(PLANTED))
def test_a_planted_bug_is_seen(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name, right, wrong = PLANTED[bug]
    source = textwrap.dedent(inspect.getsource(getattr(module, name)))
    assert source.count(right) == 1, f"{right!r} stands no more in {name}: plant the bug elsewhere"
    space: dict[str, Any] = dict(vars(module))
    exec(compile("from __future__ import annotations\n" + source.replace(right, wrong), name, "exec"), space)  # noqa: S102
    monkeypatch.setattr(module, name, space[name])
    for user in (strategy, requests, backoff):
        if hasattr(user, name):
            monkeypatch.setattr(user, name, space[name])
    seen = settings(FEW, max_examples=1500, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises((AssertionError, IndexError, KeyError)):
        run_state_machine_as_test(Tree, settings=seen)

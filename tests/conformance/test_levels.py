"""Failures dealt with where they arise, hangs, and state that survives: what other systems add to OTP's restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supervisors import Backoff, ChildSpec, ErrorBudget, ManagedActor, Restart, SupervisorSpec
from supervisors.grades import Grade, Policy, Treatment, Treatments
from supervisors.guardian_policy import LIMIT
from supervisors.limits import starts_max
from tests.conformance.stage import Scene, Stage, puppet, refused, sup
from tests.supervisors.durable_actors import Counter

STEEP = Backoff(initial_s=0.0001, factor=10**6, max_s=10**6)


class Trying(ManagedActor):
    """Does what may fail, each operation under a budget of its own."""

    error_budget = ErrorBudget(
        retry=Backoff(initial_s=0.01, factor=1, max_s=0.01), probe=Backoff(initial_s=0.05, factor=1, max_s=0.05)
    )
    treatments = Treatments(
        {
            LookupError: Treatment(Grade.P2, False, Policy.GIVE_UP),
            KeyError: Treatment(Grade.P1, True, Policy.RETRY),
            MemoryError: Treatment(Grade.P0, False, Policy.CRASH),
        }
    )

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case ("fails", operation, error):
                self.failed(operation, error)
            case ("works", operation):
                self.succeeded(operation)
            case ("may", operation):
                self.reply(self.attempt(operation))
                return
            case "exit":
                raise SystemExit("final")
        self.reply((self.incarnation, self.degraded))


def tries(scene: Scene, *messages: Any) -> Any:
    for message in messages:
        found = scene.ask("a", message)
    return found


def trying(**more: Any) -> SupervisorSpec:
    return sup(ChildSpec(id="a", actor=Trying, **more))


FAILS, WORKS = ("fails", "op", OSError("no")), ("works", "op")


def test_BX_15_an_error_that_is_dealt_with_changes_neither_process_nor_state(stage: Stage) -> None:
    with stage.play(trying()) as scene:
        before = tries(scene, ("works", "op"))
        assert tries(scene, FAILS, ("fails", "op", IndexError("x"))) == before and scene.exits("a") == []


def test_BX_16_BX_17_the_nearest_type_decides_and_the_fatal_is_never_swallowed(stage: Stage) -> None:
    with stage.play(trying()) as scene:
        for _ in range(4):
            assert tries(scene, ("fails", "op", IndexError("given up")))[1] == ""
        assert tries(scene, *[("fails", "other", KeyError("tried again"))] * 3)[1] != ""
        for message, cause in ((("fails", "op", MemoryError("none left")), "MemoryError"), ("exit", "final")):
            error = refused("actor_failed", scene.ask, "a", message)
            assert cause in error.cause
            scene.eventually(lambda: scene.is_up("a"))


def test_BX_28_an_end_that_is_said_to_be_final_is_final(stage: Stage) -> None:
    """What an actor says of its end decides, by exit code 0 or by its reason; there is no list of exit codes."""
    for how in (("exit", 0), ("die", 0), ("stop", "shutdown", "bad configuration")):
        with stage.play(sup(puppet("a", restart=Restart.TRANSIENT))) as scene:
            scene.hit("a", *how)
            assert scene.info("a").state == "stopped" and scene.info("a").restarts == 0


def test_BX_30_it_degrades_probes_and_comes_back(stage: Stage) -> None:
    with stage.play(trying()) as scene:
        assert tries(scene, FAILS, FAILS, FAILS)[1] != ""
        scene.eventually(lambda: scene.ask("a", ("may", "op")))
        assert scene.ask("a", ("may", "op")) is False, "one probe only"
        tries(scene, FAILS)
        scene.eventually(lambda: scene.ask("a", ("may", "op")))
        assert tries(scene, WORKS)[1] == "" and scene.ask("a", ("may", "op")) is True


def test_BX_31_a_success_between_means_not_in_a_row(stage: Stage) -> None:
    with stage.play(trying()) as scene:
        assert tries(scene, FAILS, FAILS, WORKS, FAILS, FAILS)[1] == ""


def test_BX_32_each_operation_has_its_own_budget(stage: Stage) -> None:
    with stage.play(trying()) as scene:
        first, _ = tries(scene, FAILS, ("works", "other"), FAILS, ("works", "other"))
        assert "op" in tries(scene, FAILS)[1] and scene.ask("a", ("may", "other")) is True
        tries(scene, *[FAILS] * 6)
        assert scene.exits("a") == []
        scene.tell("a", *FAILS)
        scene.eventually(lambda: tries(scene, WORKS)[0] != first)
        assert "failed 10 times in a row" in scene.exits("a")[0].detail


def test_BX_33_the_limits_of_all_levels_multiply_and_hold(stage: Stage, book: str) -> None:
    """Of a child that never comes back, starts are counted: (m + 1) times (n + 1) at most, and then all is over."""
    inner = SupervisorSpec(
        id="in", children=[puppet("a", book=book, starts=("ok", "raise"))], max_restarts=3, within_s=60
    )
    whole = sup(inner, max_restarts=2, within_s=60)
    with stage.play(whole) as scene:
        scene.hit("in/a")
        assert scene.end().kind == "shutdown"
        assert Path(book).read_text().count("start a") <= starts_max(whole) // (LIMIT + 1) == 3 * 4


# ---- waits


@pytest.mark.parametrize("case", [pytest.param("BX-04"), pytest.param("BX-05"), pytest.param("BX-06")])
def test_only_calm_and_work_make_the_wait_short_again(stage: Stage, case: str) -> None:
    """One steep step: who is back at once waited for the first time, who is not for the second. BX-04: calm and work
    reset it. BX-05: too short a calm does not. BX-06: work, the child's own proof of health, is what counts."""
    within_s = 3600.0 if case == "BX-05" else 0.001
    with stage.play(sup(puppet("a", backoff=STEEP), within_s=within_s)) as scene:
        scene.hit("a")
        scene.eventually(lambda: scene.is_up("a"))
        if case != "BX-06":
            scene.ask("a", ("reply", 1))
        stage.passes(0.01)
        scene.hit("a")
        if case == "BX-04":
            scene.eventually(lambda: scene.is_up("a"))
        else:
            assert scene.info("a").state == "restarting"


# ---- state


def counters() -> SupervisorSpec:
    return sup(ChildSpec(id="counter", actor=Counter), ChildSpec(id="witness", actor=Counter))


def test_BX_37_a_state_that_kills_its_actor_is_set_aside(simulated: Stage) -> None:
    with simulated.play(counters()) as scene:
        scene.ask("counter", ("add", 7))
        scene.ask("counter", "poison")
        scene.hit("counter")
        assert scene.eventually(lambda: scene.ask("counter", "total")) == 7
        assert scene.info("counter").restarts == 3


def test_BX_45_what_carries_a_key_is_done_once(stage: Stage) -> None:
    with stage.play(counters()) as scene:
        for _ in range(3):
            scene.tree.tell(scene.at("counter"), ("add", 5), idempotency_key=scene.name)
        scene.eventually(lambda: scene.ask("counter", "total") == 5)
        scene.hit("counter")
        scene.tree.tell(scene.at("counter"), ("add", 5), idempotency_key=scene.name)
        scene.tree.tell(scene.at("counter"), ("add", 1))
        scene.eventually(lambda: scene.ask("counter", "total") == 6)


def test_BX_48_nobody_is_forked_from_a_process_that_has_a_store_open(real_stage: Stage) -> None:
    """A fork inherits what another thread holds locked at that moment, and hangs on it: so supervisors hold no store,
    and each actor opens its own after it was forked, also while its siblings write."""
    with real_stage.play(counters()) as scene:
        for number in range(5):
            for _ in range(20):
                scene.tree.tell(scene.at("witness"), ("add", 1))
            assert scene.ask("counter", ("add", 1)) == number + 1
            scene.hit("counter")
            scene.eventually(lambda number=number: scene.ask("counter", "total") == number + 1)
        scene.eventually(lambda: scene.ask("witness", "total") == 100)
        supervisor = next(info.pid for info in real_stage.tree.which_children("stage") if info.id == scene.name)
        assert stores_of(scene.pid("counter")) and not stores_of(supervisor)


def stores_of(pid: int) -> list[str]:
    """The files under snapshots that a process has open."""
    links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    return [link for link in links if "/snapshots/" in link]

"""How long is waited: timers, starts and terminations that take their time, and who hangs in one of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.stage import Stage, puppet, refused, sup


@pytest.mark.parametrize("delay_s", [float("nan"), float("inf")])
def test_a_timer_for_no_moment_ends_its_actor_with_a_reason(stage: Stage, delay_s: float) -> None:
    with stage.play(sup(puppet("a"))) as scene:
        scene.hit("a", "later", delay_s, "never")
        scene.eventually(lambda: scene.is_up("a"))
        assert "ValueError" in scene.exits("a")[0].detail and scene.ask("a", 1) == 1


def test_a_timer_may_be_far_away(stage: Stage) -> None:
    with stage.play(sup(puppet("a"))) as scene:
        scene.tell("a", "later", 1e12, "in another age")
        scene.tell("a", "later", -1, "at once")
        scene.eventually(lambda: scene.ask("a", "kept") == ["at once"])


def test_a_termination_is_waited_for_however_long_it_takes(simulated: Stage) -> None:
    """Longer than any other call may take: the child is busy for a while and has the time for it."""
    with simulated.play(sup(puppet("a", shutdown=600.0))) as scene:
        scene.tell("a", "hang", 300.0)
        scene.terminate("a")
        last = scene.info("a").last_exit
        assert last is not None and last.kind == "shutdown" and scene.info("a").state == "stopped"


@pytest.mark.parametrize("shutdown", ["infinity", 600.0])
def test_a_start_under_way_has_its_limit_also_when_a_stop_waits_for_it(
    simulated: Stage, shutdown: Any, book: str
) -> None:
    hangs = puppet("a", book=book, starts=("ok", "hang"), start_timeout_s=30.0, shutdown=shutdown)
    with simulated.play(sup(hangs)) as scene:
        scene.hit("a")
        simulated.passes(1.0)
        at = simulated.now()
        scene.terminate("a")
        assert simulated.now() - at < 30.0 and scene.info("a").state == "stopped"
        last = scene.info("a").last_exit
        assert last is not None and "did not start within 30 s" in last.detail


@pytest.mark.parametrize(("shutdown", "limit_s"), [(60.0, 60.0), ("kill", 4.0)])
def test_who_stops_by_itself_and_hangs_in_that_is_ended(simulated: Stage, shutdown: Any, limit_s: float) -> None:
    with simulated.play(sup(puppet("a", stops="hang", shutdown=shutdown, heartbeat_s=2.0))) as scene:
        scene.tell("a", "stop", "normal", "done")
        simulated.passes(limit_s - 0.5)
        assert scene.exits("a") == []
        simulated.passes(1.5)
        assert "stalled: in on_stop" in scene.exits("a")[0].detail and scene.is_up("a")


def test_a_start_is_waited_for_however_long_it_takes(simulated: Stage) -> None:
    with simulated.play(sup(puppet("a"))) as scene:
        slow = puppet("slow", starts=("hang",), start_timeout_s=1000.0)
        assert "within 1000 s" in refused("start_failed", scene.add, slow).cause

"""What is said of those that do not run: on their way back, stopped, or not there at all."""

from __future__ import annotations

from typing import Any

import pytest

from supervisors import Backoff, ExitReason, ManagedActor, Restart, SupervisorError, SupervisorSpec
from tests.conformance.stage import Stage, pool, puppet, refused, sup


class Caller(ManagedActor):
    """Names others in ways that are no name, and ends twice at once."""

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case ("send", target):
                self.reply(self.send(target, "hello"))
            case ("watch", target):
                self.watch(target)
                self.reply("watches")
            case "stop":
                self.stop("normal", "done")

    def on_stop(self, reason: ExitReason) -> None:
        self.stop("shutdown", "said first")
        raise ValueError("raised later")


def test_a_child_on_its_way_back_is_restarting_and_a_terminated_one_is_stopped(stage: Stage) -> None:
    slow = Backoff(initial_s=60, factor=1, max_s=60)
    with stage.play(sup(puppet("back", backoff=slow), puppet("gone"))) as scene:
        scene.hit("back")
        scene.terminate("gone")
        refused("restarting", scene.ask, "back", 1)
        assert "restart_child" in refused("stopped", scene.ask, "gone", 1).message
        scene.tell("gone", "kept for it")
        scene.restart("gone")
        scene.eventually(lambda: scene.ask("gone", "kept") == [("kept for it",)])


def test_a_transient_child_that_is_done_is_stopped(stage: Stage) -> None:
    with stage.play(sup(puppet("t", restart=Restart.TRANSIENT))) as scene:
        scene.hit("t", "stop", "normal", "done")
        scene.eventually(lambda: refused("stopped", scene.ask, "t", 1))


def test_below_a_terminated_supervisor_nobody_is_known(stage: Stage) -> None:
    with stage.play(sup(SupervisorSpec(id="mid", children=[puppet("x"), SupervisorSpec(id="low")]))) as scene:
        scene.terminate("mid")
        assert "restart_child" in refused("stopped", stage.tree.which_children, scene.at("mid")).message
        refused("stopped", stage.tree.start_child, scene.at("mid"), puppet("y"))
        for name in ("mid/x", "mid/low"):
            refused("not_found", scene.ask, name, 1)
        refused("not_found", stage.tree.which_children, scene.at("mid/low"))
        scene.restart("mid")
        assert scene.ask("mid/x", 1) == 1 and stage.tree.which_children(scene.at("mid/low")) == []


def test_what_a_supervisor_over_its_limit_takes_along_comes_back_with_it(stage: Stage) -> None:
    slow = Backoff(initial_s=60, factor=1, max_s=60)
    mid = SupervisorSpec(id="mid", children=[puppet("x"), puppet("y"), puppet("z")], max_restarts=0, backoff=slow)
    with stage.play(sup(mid)) as scene:
        stage.tree.terminate_child(scene.at("mid"), "z")
        refused("stopped", scene.ask, "mid/z", 1)
        scene.hit("mid/x")
        scene.eventually(lambda: scene.info("mid").state == "restarting")
        for name in ("mid/x", "mid/y", "mid/z"):
            refused("restarting", scene.ask, name, 1)


def test_while_a_supervisor_ends_it_is_open_who_comes_back(stage: Stage) -> None:
    mid = SupervisorSpec(id="mid", children=[puppet("busy", shutdown=60.0), puppet("x")], max_restarts=0)
    with stage.play(sup(mid)) as scene:
        scene.tell("mid/busy", "hang", 1.0)
        stage.kill(scene.pid("mid/x"))
        scene.eventually(lambda: scene.info("mid/x").state == "stopped")
        refused("restarting", scene.ask, "mid/x", 1)
        scene.eventually(lambda: scene.info("mid").restarts == 1 and scene.is_up("mid"))
        assert scene.ask("mid/x", 1) == 1


def test_of_a_start_that_failed_no_name_is_left(stage: Stage) -> None:
    with stage.play(sup()) as scene:
        failing = SupervisorSpec(id="mid", children=[puppet("x"), puppet("bad", starts=("raise",))])
        refused("start_failed", scene.add, failing)
        for name in ("mid", "mid/x", "mid/bad"):
            refused("not_found", scene.ask, name, 1)


def test_below_a_killed_supervisor_everybody_is_on_the_way_back(stage: Stage) -> None:
    slow = Backoff(initial_s=60, factor=1, max_s=60)
    with stage.play(sup(SupervisorSpec(id="mid", children=[puppet("x")], backoff=slow))) as scene:
        scene.hit("mid")
        refused("restarting", scene.ask, "mid/x", 1)
        refused("restarting", stage.tree.which_children, scene.at("mid"))


def test_an_instance_that_was_terminated_is_nobody(stage: Stage) -> None:
    with stage.play(pool(initial=1)) as scene:
        scene.terminate("w-1")
        refused("not_found", scene.ask, "w-1", 1)


@pytest.mark.parametrize("target", [None, 5, ("a", "b"), b"a", ["a"]])
def test_what_is_no_name_is_refused_where_it_is_used_and_ends_nobody_else(stage: Stage, target: Any) -> None:
    with stage.play(sup(Caller.child_spec(id="c"), puppet("a"))) as scene:
        for verb in ("send", "watch"):
            scene.eventually(lambda: scene.is_up("c"))
            assert "TypeError: target=" in refused("actor_failed", scene.ask, "c", (verb, target)).cause
        assert scene.ask("a", 1) == 1 and scene.info("a").restarts == 0
        for ask in (stage.tree.ask, stage.tree.tell):
            refused("not_found", ask, target, 1)


@pytest.mark.parametrize("is_significant", [True, False])
def test_a_raise_in_a_stop_is_its_last_word_and_brings_nobody_back(stage: Stage, is_significant: bool) -> None:
    """Its work was done; OTP would do it again."""
    caller = Caller.child_spec(id="c", restart=Restart.TRANSIENT, significant=is_significant)
    with stage.play(sup(caller, auto_shutdown="any_significant")) as scene:
        with pytest.raises(SupervisorError, match="raised later"):
            scene.ask("c", "stop")
        if is_significant:
            assert "raised later" in scene.end().detail
        else:
            scene.eventually(lambda: scene.info("c").state == "stopped")
        (reason,) = scene.exits("c")
        assert (reason.kind, reason.detail) == ("abnormal", "ValueError: raised later")

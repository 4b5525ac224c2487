"""What is said of those that do not run: on their way back, stopped, or not there at all."""

from __future__ import annotations

from typing import Any

import pytest

from supervisors import Backoff, ExitReason, ManagedActor, Restart, SupervisorError, SupervisorSpec
from tests.conformance.stage import Scene, Stage, pool, puppet, refused, sup


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


def heard(scene: Scene, count: int) -> list[tuple[str, bool, str]]:
    """The ``count`` messages that the watcher has had: of whom, whether alive, and why gone."""
    kept = scene.eventually(lambda: len(kept := scene.ask("me", "kept")) >= count and kept)
    assert len(kept) == count
    return [(peer.path, peer.incarnation is not None, getattr(peer.reason, "kind", "")) for peer in kept]


def test_who_watches_is_told_once_of_each_life_and_each_end_and_of_whom(stage: Stage) -> None:
    """As a monitor: also of one that never was, at once, and of one that is gone for good. A deletion is no end."""
    tasks = [puppet(f"t-{stage.kind}-{number}", restart="temporary") for number in (1, 2)]
    with stage.play(sup(puppet("me"), puppet("a"), *tasks)) as scene:
        never, a = scene.at("never"), scene.at("a")
        for target in (never, a, a, *(task.id for task in tasks)):
            scene.tell("me", "watch", target)
        said = heard(scene, 4)
        assert set(said) == {(never, False, ""), (a, True, ""), *((scene.at(task.id), True, "") for task in tasks)}
        for task in tasks:
            scene.hit(task.id)
        assert heard(scene, 6)[4:] == [(scene.at(task.id), False, "killed") for task in tasks]
        scene.terminate("a")
        scene.delete("a")
        scene.add(puppet("a"))
        assert heard(scene, 8)[6:] == [(a, False, "shutdown"), (a, True, "")]


@pytest.mark.parametrize("comes_back", [True, False])
def test_an_id_that_stood_for_two_is_known_again_when_one_of_them_is_forgotten(
    simulated: Stage, comes_back: bool
) -> None:
    """With its supervisor at once where that is stopped, else when it has not come back with it for a while."""
    slow = Backoff(initial_s=600, factor=1, max_s=600)
    twin = SupervisorSpec(id="twin", children=[puppet("z")], backoff=slow)
    with simulated.play(sup(puppet("me"), puppet("z"), puppet("a"), twin)) as scene:
        scene.tell("me", "watch", "z")
        assert heard(scene, 1) == [("z", False, "")]
        assert scene.ask("me", ("send", "z", "kept for whoever it is")) is True
        if comes_back:
            scene.hit("twin")
            simulated.passes(60.0)
            scene.hit("a")
        else:
            scene.terminate("twin")
        assert heard(scene, 2)[1:] == [(scene.at("z"), True, "")]
        scene.eventually(lambda: scene.ask("z", "kept") == ["kept for whoever it is"])


def test_who_watches_no_more_hears_nothing_and_sends_as_before(stage: Stage) -> None:
    with stage.play(sup(puppet("me"), puppet("a"), puppet("b"))) as scene:
        for name in "ab":
            scene.tell("me", "watch", scene.at(name))
        heard(scene, 2)
        for message in (("send", scene.at("a"), 1), ("unwatch", scene.at("a")), ("unwatch", scene.at("nobody"))):
            scene.ask("me", message)
        for number in (2, 3):
            assert scene.ask("me", ("send", scene.at("a"), number))
        scene.eventually(lambda: scene.ask("a", "kept") == [1, 2, 3])
        scene.hit("a")
        scene.hit("b")
        assert [path for path, _, _ in heard(scene, 4)[2:]] == [scene.at("b")] * 2
        scene.eventually(lambda: scene.is_up("a"))
        scene.tell("me", "watch", scene.at("a"))
        assert heard(scene, 5)[4:] == [(scene.at("a"), True, "")]


def test_nothing_is_kept_of_whom_nobody_watches_any_more(simulated: Stage) -> None:
    with simulated.play(sup(puppet("me"), pool())) as scene:
        registrar = simulated.tree._guardian.root._shell.registrar
        before = len(registrar._askers)
        for _ in range(20):
            name = simulated.tree.start_child(scene.at("sup"), args={}).path
            scene.tell("me", "watch", name)
            scene.eventually(lambda name=name: name in registrar._askers)
            simulated.tree.terminate_child(scene.at("sup"), name)
            scene.ask("me", ("unwatch", name))
        simulated.passes(1.0)
        assert not [name for name in registrar._askers if "/w-" in name] and len(registrar._askers) <= before + 1

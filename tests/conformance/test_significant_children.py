"""Significant children: whose end ends the supervisor with all others, and whose does not."""

from __future__ import annotations

import pytest

from supervisors import ChildSpec, ManagedActor, Restart
from supervisors.testing import SimulatedTree
from tests.conformance.stage import Scene, Stage, pool, puppet, sup

ENDINGS: list[tuple[str, ...]] = [(), ("raise", "fails"), ("stop", "normal", ""), ("terminate",)]


def ends(scene: Scene, child: str, how: tuple[str, ...]) -> None:
    if how == ("terminate",):
        scene.terminate(child)
    else:
        scene.hit(child, *how)


@pytest.mark.parametrize("mode", ["never", "any_significant", "all_significant"])
@pytest.mark.parametrize(
    "restart", [pytest.param(Restart.TEMPORARY, id="SIG-01"), pytest.param(Restart.TRANSIENT, id="SIG-02")]
)
def test_an_ordinary_child_shuts_nobody_down(stage: Stage, restart: Restart, mode: str) -> None:
    names = ["killed", "fails", "done", "asked"]
    with stage.play(sup(*(puppet(name, restart=restart) for name in names), auto_shutdown=mode)) as scene:
        for name, how in zip(names, ENDINGS, strict=True):
            ends(scene, name, how)
        if restart is Restart.TRANSIENT:
            scene.eventually(lambda: scene.is_up("killed") and scene.is_up("fails"))
            assert [info.state for info in scene.children()] == ["running", "running", "stopped", "stopped"]
        else:
            scene.eventually(lambda: scene.ids() == [])
        assert not scene.has_ended()


def significant(name: str, restart: Restart = Restart.TEMPORARY) -> ChildSpec:
    return puppet(name, restart=restart, significant=True)


@pytest.mark.parametrize("how", ENDINGS[:3])
def test_SIG_04_the_end_of_a_significant_child_ends_all(stage: Stage, how: tuple[str, ...]) -> None:
    with stage.play(sup(significant("s"), puppet("a"), auto_shutdown="any_significant")) as scene:
        pids = scene.pids()
        scene.hit("s", *how)
        reason = scene.end()
        assert reason.kind == "shutdown" and "auto_shutdown" in reason.detail
        assert all(stage.is_gone(pid or 0) for pid in pids.values())


@pytest.mark.parametrize("how", ENDINGS[:2])
def test_SIG_06_one_that_is_restarted_has_not_ended(stage: Stage, how: tuple[str, ...]) -> None:
    with stage.play(sup(significant("s", Restart.TRANSIENT), auto_shutdown="any_significant")) as scene:
        scene.hit("s", *how)
        scene.eventually(lambda: scene.is_up("s"))
        assert not scene.has_ended()


@pytest.mark.parametrize("mode", ["any_significant", "all_significant"])
def test_SIG_07_any_at_the_first_all_at_the_last(stage: Stage, mode: str) -> None:
    children = [significant("s", Restart.TRANSIENT), significant("t", Restart.TRANSIENT)]
    with stage.play(sup(*children, auto_shutdown=mode)) as scene:
        scene.tell("s", "stop", "normal", "done")
        if mode == "all_significant":
            scene.eventually(lambda: scene.info("s").state == "stopped")
            assert not scene.has_ended()
            scene.tell("t", "stop", "normal", "done")
        assert mode in scene.end().detail


@pytest.mark.parametrize("mode", ["any_significant", "all_significant"])
def test_SIG_08_the_same_with_instances(stage: Stage, mode: str) -> None:
    with stage.play(pool(significant("w"), initial=2, auto_shutdown=mode)) as scene:
        scene.tell("w-1", "stop", "normal", "done")
        if mode == "all_significant":
            scene.eventually(lambda: scene.ids() == ["w-2"])
            scene.tell("w-2", "stop", "normal", "done")
        assert mode in scene.end().detail


class Done(ManagedActor):
    """Its work is done when it has started."""

    def on_start(self) -> None:
        self.stop("normal", "at once")


def test_SIG_04_who_is_done_at_once_ends_a_supervisor_that_had_started(stage: Stage) -> None:
    children = [Done.child_spec(restart="temporary", significant=True), puppet("a"), puppet("b")]
    spec = sup(*children, auto_shutdown="any_significant")
    with stage.play(spec) as scene:
        assert "at once" in scene.end().detail
    with SimulatedTree.start(spec) as tree:
        assert "at once" in tree.wait_until_stopped(20).detail

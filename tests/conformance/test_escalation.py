"""Failures that go up: a child that cannot come back takes its supervisor down, a failing loop can be left, and whoever
comes in its place has its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisors import Backoff
from tests.conformance.stage import ABNORMALLY, NORMALLY, Stage, inner, pool, puppet, refused, sup


@pytest.mark.parametrize(
    ("strategy", "cannot"),
    [
        pytest.param("one_for_one", "a", id="ESC-01"),
        pytest.param("one_for_all", "b", id="ESC-02"),
        pytest.param("rest_for_one", "b", id="ESC-03"),
    ],
)
def test_a_child_that_cannot_come_back_takes_its_supervisor_down(
    stage: Stage, book: str, strategy: str, cannot: str
) -> None:
    children = [puppet(name, book=book, starts=("ok", "raise") if name == cannot else ("ok",)) for name in "ab"]
    with stage.play(sup(*children, strategy=strategy, max_restarts=4)) as scene:
        pids = scene.pids()
        scene.hit("a")
        assert scene.end().kind == "shutdown" and all(stage.is_gone(pid or 0) for pid in pids.values())
        tries = Path(book).read_text().count(f"start {cannot}") - 1
        assert tries == 4


def test_ESC_04_an_instance_that_cannot_come_back_takes_the_pool_down(stage: Stage, book: str) -> None:
    with stage.play(pool(max_restarts=4)) as scene:
        scene.add_instance("good")
        scene.add_instance("bad", name="bad", book=book, starts=("ok", "raise"))
        good = scene.pid("good")
        scene.hit("bad")
        assert scene.end().kind == "shutdown" and stage.is_gone(good)


def test_ESC_05_a_failure_within_the_limit_stays_where_it_is(stage: Stage) -> None:
    with stage.play(sup(inner("one", "x"), inner("two", "y", "z"), strategy="one_for_all")) as scene:
        before = {name: scene.pid(name) for name in ("one", "two", "one/x", "two/y", "two/z")}
        scene.hit("two/y")
        scene.eventually(lambda: scene.is_up("two/y"))
        after = {name: scene.pid(name) for name in before}
        assert {name for name in before if after[name] != before[name]} == {"two/y"}


@pytest.mark.parametrize("how", [(), ABNORMALLY])
def test_ESC_09_START_16_a_new_worker_takes_the_name(stage: Stage, how: tuple[str, ...]) -> None:
    """Killed, raised or left: who comes back has the name, and its state from the beginning."""
    with stage.play(sup(inner("mid", "w"))) as scene:
        for each in (how, NORMALLY):
            assert scene.ask("mid/w", "mine") == "mine"
            before = scene.ask("mid/w", "incarnation")
            scene.hit("mid/w", *each)
            scene.eventually(lambda before=before: scene.ask("mid/w", "incarnation") != before)
            assert scene.ask("mid/w", "kept") == []


def test_ESC_10_an_inner_supervisor_is_managed_by_its_name(stage: Stage) -> None:
    with stage.play(sup(inner(f"mid-{stage.kind}", "w"))) as scene:
        mid = f"mid-{stage.kind}"
        before = scene.pid(f"{mid}/w")
        stage.tree.terminate_child(mid, "w")
        assert stage.is_gone(before) and scene.info(f"{mid}/w").state == "stopped"
        assert stage.tree.restart_child(mid, "w").pid not in (None, before)
        assert scene.ask(f"{mid}/w", ("reply", 1)) == 1


def test_ESC_15_a_failing_loop_can_be_left(stage: Stage, book: str) -> None:
    """A pid is no handle; the id is. Then the supervisor is stopped in a second such loop."""
    slow = puppet("w", book=book, starts=("ok", "raise"), backoff=Backoff(initial_s=0.2, factor=1))
    with stage.play(pool(slow, max_restarts=1000)) as scene:
        scene.add_instance("w-1", name="w-1")
        scene.add_instance("w-2", name="w-2")
        pid = scene.pid("w-1")
        for name in ("w-1", "w-2"):
            scene.hit(name)
            scene.eventually(lambda name=name: scene.info(name).state == "restarting")
        refused("not_found", scene.terminate, str(pid))
        scene.terminate("w-1")
        assert scene.ids() == ["w-2"] and scene.info("w-2").state == "restarting"
        scene.stop()
        assert scene.has_ended()


def test_ESC_15_a_failing_loop_within_a_group_can_be_left(stage: Stage, book: str) -> None:
    """Of three the second cannot come back, and is taken out: the third, which waited behind it, stays as it is."""
    cannot = puppet("b", book=book, starts=("ok", "raise"), backoff=Backoff(initial_s=0.05, factor=1))
    with stage.play(sup(puppet("a"), cannot, puppet("c"), strategy="rest_for_one", max_restarts=1000)) as scene:
        first = scene.pid("a")
        scene.hit("b")
        scene.eventually(lambda: scene.info("b").restarts > 1)
        refused("restarting", scene.restart, "b")
        refused("restarting", scene.delete, "b")
        refused("already_present", scene.add, puppet("b"))
        assert scene.info("c").pid is None and scene.counts() == (3, 1, 0, 3)
        scene.terminate("b")
        assert [info.state for info in scene.children()] == ["running", "stopped", "stopped"]
        assert scene.pid("a") == first and scene.restart("c").state == "running"


def test_ESC_17_a_new_inner_supervisor_takes_the_name(stage: Stage) -> None:
    with stage.play(sup(inner("bridge", "x"), puppet("y"), strategy="one_for_all")) as scene:
        before = {name: scene.pid(name) for name in ("bridge", "bridge/x", "y")}
        scene.hit("bridge")
        scene.eventually(lambda: scene.ask("bridge/x", ("reply", 1)) == 1 and scene.is_up("y"))
        assert all(scene.pid(name) != pid and stage.is_gone(pid) for name, pid in before.items())

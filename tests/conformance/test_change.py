"""A running supervisor is given another spec."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from supervisors import IGNORE, ActorTree, Backoff, SupervisorSpec
from tests.conformance.stage import Scene, Stage, pool, puppet, refused, sup


def change(scene: Scene, spec: SupervisorSpec) -> None:
    scene.tree.change_spec(scene.path, replace(spec, id=scene.name))


def test_HOT_01_a_change_holds_and_disturbs_nobody(stage: Stage) -> None:
    with stage.play(sup(puppet("a"), puppet("b"), strategy="one_for_all")) as scene:
        before = scene.pids()
        change(scene, sup(puppet("c"), puppet("b", restart="transient")))
        assert scene.ids() == ["c", "b", "a"] and scene.info("c").state == "stopped"
        assert {name: scene.pids()[name] for name in "ab"} == before
        assert scene.counts() == (3, 2, 0, 3)
        scene.hit("b")
        scene.eventually(lambda: scene.is_up("b"))
        assert scene.pid("a") == before["a"], "one_for_one by now"
        assert scene.restart("c").state == "running"


def test_HOT_02_HOT_05_what_is_refused_changes_nothing(stage: Stage) -> None:
    with stage.play(sup(puppet("a"), max_restarts=7)) as scene:
        before = scene.info("a")
        nonsense: list[Any] = [None, 7, puppet("a"), SupervisorSpec(id="other")]
        for each in nonsense:
            error = refused("bad_spec", scene.tree.change_spec, scene.path, each)
            assert "new_spec=" in error.message or "id='other'" in error.message
        scene.tree.change_spec(scene.path, IGNORE)
        refused("not_found", scene.tree.change_spec, "nobody", sup())
        assert scene.info("a").pid == before.pid and scene.ids() == ["a"]


def test_HOT_10_a_new_cap_and_a_new_template(stage: Stage) -> None:
    with stage.play(pool(initial=1)) as scene:
        before = scene.pids()
        change(scene, pool(puppet("w", restart="temporary"), max_children=2))
        assert scene.pids() == before
        scene.add_instance("late")
        refused("max_children", scene.add_instance)
        scene.hit("late", "raise", "told to")
        scene.eventually(lambda: scene.ids() == ["w-1"])
        refused("bad_spec", change, scene, sup(puppet("w")))


def test_HOT_07_auto_shutdown_is_switched_on_and_off(stage: Stage) -> None:
    last = puppet("s", restart="transient", significant=True)
    with stage.play(sup(puppet("a"))) as scene:
        refused("bad_spec", scene.add, last)
        change(scene, sup(puppet("a"), auto_shutdown="any_significant"))
        scene.add(last)
        change(scene, sup(puppet("a")))
        scene.hit("s", "stop", "normal", "done")
        assert scene.info("s").state == "stopped" and scene.restart("s").state == "running"
        change(scene, sup(puppet("a"), auto_shutdown="any_significant"))
        scene.tell("s", "stop", "normal", "done")
        assert scene.end().kind == "shutdown"


def test_HOT_08_the_mode_in_force_at_that_moment_decides(stage: Stage) -> None:
    both = [puppet(name, restart="transient", significant=True) for name in "st"]
    with stage.play(sup(*both, auto_shutdown="any_significant")) as scene:
        change(scene, sup(*both, auto_shutdown="all_significant"))
        scene.hit("s", "stop", "normal", "done")
        assert not scene.has_ended()
        scene.tell("t", "stop", "normal", "done")
        assert "all_significant" in scene.end().detail


def test_the_whole_tree_shows_who_is_listed_and_who_is_not_any_more(stage: Stage) -> None:
    def shown() -> list[tuple[str, str]]:
        node = next(each for each in stage.tree.tree()["children"] if each["node"].id == scene.name)
        return [(each["node"].id, each["node"].state) for each in node["children"]]

    with stage.play(sup(puppet("a"), puppet("b"))) as scene:
        change(scene, sup(puppet("c"), puppet("b")))
        assert shown() == [("c", "stopped"), ("b", "running"), ("a", "running")]
        scene.delete("c")
        assert shown() == [("b", "running"), ("a", "running")]
        scene.terminate("a")
        scene.delete("a")
        assert shown() == [("b", "running")]
        refused("not_found", scene.ask, "a", "hello")


def test_terminated_in_its_restart_loop_it_is_shown_as_stopped(stage: Stage) -> None:
    with stage.play(sup(puppet("a", backoff=Backoff(initial_s=600, max_s=600)))) as scene:
        scene.hit("a")
        scene.terminate("a")
        node = next(each for each in stage.tree.tree()["children"] if each["node"].id == scene.name)
        assert node["children"][0]["node"].state == scene.info("a").state == "stopped"


def test_arguments_of_temporary_children_are_not_written_down(tmp_path: Path) -> None:
    secret = "sesame-" + "open" * 3
    temporary = puppet("t", restart="temporary", word=secret, starts=("raise",))
    kept = puppet("k", restart="temporary", word=secret)
    folder = tmp_path / "state"
    root = SupervisorSpec(id="root")
    with ActorTree.start(root, state_dir=folder) as tree:
        refused("start_failed", tree.start_child, "root", temporary)
        tree.start_child("root", kept)
        tree.change_spec("root", replace(root, children=(kept, puppet("u", restart="temporary", word=secret))))
        tree.restart_child("root", "u")
        tree.tell("k", ("raise", "told to"))
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert not [path for path in files if secret.encode() in path.read_bytes()]
    assert not [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]

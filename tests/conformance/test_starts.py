"""A supervisor and its children start: what is kept of those that fail or ignore it, and which names they may have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supervisors import ActorTree, ChildSpec, ManagedActor, Restart, SupervisorError, SupervisorSpec
from supervisors.testing import SimulatedTree
from tests.conformance.stage import Stage, pool, puppet, refused, sup


class Mute(ManagedActor):
    """Malformed: it has no receive, and its start takes other arguments."""

    def on_start(self, must: int) -> None:  # type: ignore[override]
        self.must = must


def tree_of(stage: Stage, spec: SupervisorSpec, folder: Path) -> Any:
    """A tree of its own, of the stage's kind."""
    return ActorTree.start(spec, state_dir=folder) if stage.is_real else SimulatedTree.start(spec)


def test_START_01_INTRO_12_an_empty_supervisor(stage: Stage, tmp_path: Path) -> None:
    with tree_of(stage, SupervisorSpec(id="root"), tmp_path / "state") as tree:
        assert tree.which_children("root") == []
        counts = tree.count_children("root")
        assert (counts.specs, counts.active, counts.supervisors, counts.workers) == (0, 0, 0, 0)
    assert tree.wait_until_stopped(1).kind == "shutdown"
    tree.stop()


def test_START_04_an_ignored_temporary_child_is_dropped(stage: Stage) -> None:
    with stage.play(sup(puppet("t", restart=Restart.TEMPORARY, starts=("ignore",)), puppet("a"))) as scene:
        assert scene.ids() == ["a"]


def test_START_06_a_start_that_fails_says_why_and_leaves_nothing(stage: Stage, book: str) -> None:
    bad = sup(puppet("a", book=book), puppet("bad", starts=("raise",)))
    with pytest.raises(SupervisorError) as failed, stage.play(bad):
        pass
    assert failed.value.code == "start_failed" and failed.value.child == "bad"
    assert failed.value.cause == "ValueError: cannot start" and "on_start" in failed.value.stack
    assert Path(book).read_text().split() == ["start", "a", "stop", "a"]
    assert not [info for info in stage.tree.which_children("stage") if info.state != "stopped"]


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        (puppet("bad", starts=("raise",)), "ValueError: cannot start"),
        (puppet("bad", starts=("exit",)), "no such thing"),
        (puppet("bad", starts=("die",)), "exit code 3"),
        (ChildSpec(id="bad", actor=Mute), "TypeError"),
    ],
)
def test_START_09_an_addition_that_fails_stores_nothing(stage: Stage, spec: ChildSpec, cause: str) -> None:
    with stage.play(sup(puppet("a"))) as scene:
        error = refused("start_failed", scene.add, spec)
        assert cause in error.cause and error.child == "bad" and scene.ids() == ["a"]


def test_START_17_every_kind_of_name_reaches_its_actor(stage: Stage) -> None:
    unique = f"only-one-{stage.kind}"
    with stage.play(sup(SupervisorSpec(id="mid", children=[puppet(unique)]))) as scene:
        for name in (unique, f"{scene.path}/mid/{unique}"):
            assert stage.tree.ask(name, ("reply", 1)) == 1
        assert [info.id for info in stage.tree.which_children(f"{scene.path}/mid")] == [unique]
        with stage.play(sup(puppet(unique))):
            refused("not_found", stage.tree.ask, unique, 1)


@pytest.mark.parametrize("name", [5, "", "a/b", "x" * 201, "a\nb"])
def test_START_18_a_name_of_a_wrong_kind_starts_nothing(stage: Stage, name: Any) -> None:
    with stage.play(pool()) as scene:
        error = refused("bad_spec", scene.add_instance, name)
        assert repr(name) in error.message and "printable text" in error.message and scene.ids() == []


def test_START_19_a_pool_has_a_name_and_stops_when_it_is_told_to(stage: Stage) -> None:
    with stage.play(pool(initial=1)) as scene:
        assert stage.tree.count_children(scene.name).active == 1
        scene.stop()
        assert scene.end().kind == "shutdown"


def test_START_20_the_one_who_starts_is_told_of_ignore(stage: Stage) -> None:
    with stage.play(pool(puppet("w", starts=("ignore",)))) as scene:
        info = scene.add_instance("w-1")
        assert info.pid is None and info.state == "stopped" and scene.ids() == []


def test_START_22_ADM_28_one_name_one_supervisor(stage: Stage) -> None:
    with stage.play(sup(pool())) as scene:
        error = refused("already_started", scene.add, pool())
        assert f"pid {scene.pid('sup')}" in error.message
        assert scene.add(SupervisorSpec(id="other", strategy="dynamic", children=[puppet("w")])).state == "running"
        assert scene.ids() == ["sup", "other"]
    for malformed in (None, 7, "a/b"):
        with pytest.raises(SupervisorError, match="id="):
            SupervisorSpec(id=malformed)  # type: ignore[arg-type]

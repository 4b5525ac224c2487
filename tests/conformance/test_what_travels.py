"""What users hand over, in messages, answers, arguments and starts, may be anything; it never harms who carries it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from supervisors import ActorTree, ManagedActor, SupervisorError, SupervisorSpec
from supervisors.parcel import PARCEL_BYTES_MAX
from supervisors.testing import SimulatedTree
from tests.conformance.stage import Stage, pool, puppet, refused, sup


class TwoWords(Exception):
    """As many exceptions are: it pickles, and cannot be unpickled."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


class Wordless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Mouth(ManagedActor):
    """Answers, sends or says at its start what does not travel."""

    def on_start(self, start: str = "") -> Any:
        self.kept: list[Any] = []
        match start:
            case "unreadable":
                return TwoWords("a", "b")
            case "unpicklable":
                return lambda: None
            case "large":
                return "x" * 100_000
            case "long text":
                raise ValueError("x" * 5_000_000)
            case "no text":
                raise Wordless
        return None

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case "answer unreadable":
                self.reply(TwoWords("a", "b"))
            case "answer unpicklable":
                self.reply(lambda: None)
            case "answer large":
                self.reply(bytes(PARCEL_BYTES_MAX + 1))
            case ("send unreadable", target):
                self.reply([self.send(target, each) for each in ("before", TwoWords("a", "b"), "after")])
            case ("send unpicklable", target):
                self.send(target, lambda: None)
            case ("send and change", target):
                letter = ["as sent"]
                self.send(target, letter)
                letter.append("changed later")
                self.reply(True)
            case ("long", text):
                self.stop("shutdown", text * 100_000)


def mouth(name: str, **more: Any) -> Any:
    return Mouth.child_spec(id=name, args=more)


def test_a_message_that_cannot_be_read_is_refused_and_harms_nobody(stage: Stage) -> None:
    with stage.play(sup(puppet("a"))) as scene:
        pid = scene.pid("a")
        error = refused("not_picklable", scene.ask, "a", TwoWords("a", "b"))
        assert "TypeError" in error.message
        scene.tell("a", TwoWords("a", "b"))
        assert scene.ask("a", "after") == "after" and scene.ask("a", "kept") == ["after"]
        assert scene.pid("a") == pid
        (unread,) = scene.eventually(lambda: [each for each in scene.events("a") if each.type == "unread"])
        assert "of outside" in unread.detail and "TypeError" in unread.detail


def test_a_message_that_cannot_be_read_holds_up_nothing_behind_it(stage: Stage) -> None:
    with stage.play(sup(mouth("m"), puppet("a"))) as scene:
        assert scene.ask("m", ("send unreadable", scene.at("a"))) == [True, True, True]
        scene.eventually(lambda: scene.ask("a", "kept") == ["before", "after"])


def test_what_cannot_be_sent_is_refused_where_it_is_sent(stage: Stage) -> None:
    with stage.play(sup(mouth("m"), puppet("a"))) as scene:
        for message in (("send unpicklable", scene.at("a")), "answer unpicklable", "answer large"):
            scene.eventually(lambda: scene.is_up("m"))
            error = refused("actor_failed", scene.ask, "m", message)
            assert "not_picklable" in error.cause
        for message in (lambda: None, bytes(PARCEL_BYTES_MAX + 1)):
            refused("not_picklable", scene.ask, "a", message)
        assert scene.ask("a", "kept") == []


def test_an_answer_that_cannot_be_read_is_told_to_the_one_who_asked(stage: Stage) -> None:
    with stage.play(sup(mouth("m"))) as scene:
        pid = scene.pid("m")
        assert "TypeError" in refused("not_picklable", scene.ask, "m", "answer unreadable").message
        assert scene.pid("m") == pid


def test_a_message_is_as_it_was_when_it_was_sent(stage: Stage) -> None:
    with stage.play(sup(mouth("m"), puppet("a"))) as scene:
        assert scene.ask("m", ("send and change", scene.at("a")))
        scene.eventually(lambda: scene.ask("a", "kept") == [["as sent"]])


@pytest.mark.parametrize(
    ("start", "cause"),
    [
        ("unreadable", "not_picklable"),
        ("unpicklable", "not_picklable"),
        ("large", "not_picklable"),
        ("long text", "ValueError: xxx"),
        ("no text", "Wordless"),
    ],
)
def test_a_start_that_says_what_does_not_travel_fails_alone(stage: Stage, start: str, cause: str) -> None:
    with stage.play(sup(SupervisorSpec(id="mid"), puppet("a"))) as scene:
        pids = scene.pids()
        for supervisor in (scene.path, scene.at("mid")):
            error = refused("start_failed", stage.tree.start_child, supervisor, mouth("m", start=start))
            assert cause in error.cause and error.stack and len(error.cause) < 3000
        assert scene.pids() == pids


def test_arguments_that_cannot_be_read_are_refused(stage: Stage) -> None:
    with stage.play(sup(puppet("a"))) as scene:
        refused("not_picklable", scene.add, puppet("b", word=TwoWords("a", "b")))
        assert scene.ids() == ["a"] and scene.ask("a", 1) == 1


def test_a_reason_of_any_length_is_told(stage: Stage) -> None:
    with stage.play(sup(mouth("m"))) as scene:
        scene.hit("m", "long", "word ")
        (reason,) = scene.exits("m")
        assert reason.kind == "shutdown" and reason.detail.startswith("word word") and len(reason.detail) <= 2000


@pytest.mark.parametrize("size", [300_000, 2_000_000, PARCEL_BYTES_MAX - 1000])
def test_a_large_message_arrives_and_is_answered(stage: Stage, size: int) -> None:
    with stage.play(sup(puppet("a"))) as scene:
        assert scene.ask("a", ("reply", os.urandom(size)), 30.0).__len__() == size


def test_a_supervisor_is_no_actor(stage: Stage) -> None:
    with stage.play(sup(SupervisorSpec(id="mid", children=[puppet("x")]))) as scene:
        assert "supervisor" in refused("not_found", stage.tree.ask, scene.at("mid"), 1, 60.0).message
        scene.tell("mid", "nothing comes of it")
        assert scene.ask("mid/x", 1) == 1


def test_an_empty_name_is_nobody(stage: Stage) -> None:
    for what in (stage.tree.which_children, stage.tree.count_children):
        refused("not_found", what, "")
    refused("not_found", stage.tree.ask, "", 1)


def test_a_child_may_be_named_by_its_path(stage: Stage) -> None:
    with stage.play(sup(puppet("a"))) as scene:
        scene.terminate(scene.at("a"))
        assert scene.restart(scene.at("a")).state == "running"
        assert stage.tree.child_spec(scene.path, scene.at("a")).id == "a"
        refused("not_found", scene.terminate, f"{scene.path}/b/a")


def test_arguments_for_a_template_that_takes_none_are_refused(stage: Stage) -> None:
    with stage.play(pool(SupervisorSpec(id="inner"))) as scene:
        assert "inner" in scene.add_instance().id
        assert "'n': 1" in refused("bad_spec", scene.add_instance, n=1).message


@pytest.mark.parametrize("spec", [mouth("m"), None, "root"])
def test_a_tree_has_a_supervisor_as_its_root(spec: Any, tmp_path: Path) -> None:
    for start in (SimulatedTree.start, partial(ActorTree.start, state_dir=tmp_path / "state")):
        assert repr(spec)[:20] in refused("bad_spec", start, spec).message
    assert not (tmp_path / "state").exists()


def test_what_follows_a_giving_up_is_one_of_two(tmp_path: Path) -> None:
    for start in (SimulatedTree.start, partial(ActorTree.start, state_dir=tmp_path / "state")):
        wrong = partial(start, SupervisorSpec(id="root"), on_give_up="never")
        assert "on_give_up='never'" in refused("bad_spec", wrong).message
    assert not (tmp_path / "state").exists()


def test_a_class_that_its_name_does_not_lead_to_is_not_importable(stage: Stage) -> None:
    nameless: Any = type("Nameless", (Mouth,), {"__module__": Mouth.__module__})
    assert "Nameless" in refused("not_importable", stage.tree.start_child, "stage", nameless.child_spec()).message


def test_an_exit_with_code_nought_says_so() -> None:
    from supervisors.errors import reason_of

    for code in (0, None):
        assert str(reason_of(SystemExit(code))) == "normal (exit code 0)"
    with pytest.raises(SupervisorError, match="bytes"):
        from supervisors.parcel import packed

        packed(bytes(PARCEL_BYTES_MAX + 1))

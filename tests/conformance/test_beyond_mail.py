"""What other supervision systems promise beyond OTP of messages: they are kept across restarts or refused, a request is
answered at once, a watcher is told, and a handler that raises runs once."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisors import Backoff, ChildSpec, ManagedActor, Restart, SupervisorSpec
from supervisors.outbox import KEPT_MAX
from tests.conformance.stage import Stage, puppet, refused, sup

SLOW = Backoff(initial_s=0.3, factor=1)


def test_BX_09_what_was_not_begun_is_delivered_across_two_restarts(stage: Stage) -> None:
    """In order, each once; the two that made it fail are not repeated."""
    with stage.play(sup(puppet("a", backoff=SLOW))) as scene:
        scene.hit("a")
        for message in (1, ("raise", "first"), 2, 3, ("raise", "second"), 4, 5):
            stage.tree.tell(scene.at("a"), message)
        scene.eventually(lambda: scene.ask("a", "kept") == [4, 5])
        assert [reason.detail for reason in scene.exits("a")][1:] == ["RuntimeError: first", "RuntimeError: second"]


def test_BX_10_what_is_too_much_is_refused_and_not_lost_in_silence(stage: Stage) -> None:
    kept = KEPT_MAX if not stage.is_real else 40
    away = Backoff(initial_s=0.5 if stage.is_real else 100.0, factor=1, max_s=100.0)
    with stage.play(sup(puppet("a"), puppet("b", backoff=away))) as scene:
        scene.hit("b")
        for number in range(kept):
            assert scene.ask("a", ("send", scene.at("b"), number))
        if not stage.is_real:
            assert scene.ask("a", ("send", scene.at("b"), "too much")) is False
            for number in range(KEPT_MAX):
                stage.tree.tell(scene.at("b"), number)
            assert "dropped" in refused("restarting", scene.tell, "b", "too much").message
        twice = 1 if stage.is_real else 2
        scene.eventually(lambda: len(scene.ask("b", "kept")) >= kept * twice, 200)
        assert sorted(scene.ask("b", "kept")) == sorted([*range(kept)] * twice)


def test_BX_11_what_is_queued_behind_a_failing_message_is_delivered(stage: Stage) -> None:
    rounds = 4 if stage.is_real else 100
    with stage.play(sup(puppet("a"), max_restarts=1000)) as scene:
        for number in range(rounds):
            before = scene.ask("a", "incarnation")
            for message in (("raise", "x"), number, -number):
                stage.tree.tell(scene.at("a"), message)
            scene.eventually(lambda before=before: scene.ask("a", "incarnation") != before)
            scene.eventually(lambda number=number: scene.ask("a", "kept") == [number, -number])


def test_BX_12_a_request_during_a_restart_is_answered_at_once(stage: Stage) -> None:
    with stage.play(sup(puppet("a", backoff=Backoff(initial_s=30.0, factor=1)))) as scene:
        scene.hit("a")
        at = stage.now()
        error = refused("restarting", scene.ask, "a", "anything", timeout_s=25.0)
        assert scene.at("a") in error.message and stage.now() - at < 20


def test_BX_13_a_supervisor_that_stops_makes_nobody_wait(stage: Stage) -> None:
    """Its child sends to it while it stops; who asks it is refused, or told that it has gone."""
    limit_s = 1.0
    with stage.play(sup(SupervisorSpec(id="mid", children=[puppet("slow", stops="hang", shutdown=limit_s)]))) as scene:
        scene.tell("mid/slow", "send", scene.at("mid"), "are you there?")
        path = scene.at("mid")
        scene.ask("mid/slow", ("reply", 1))
        at = stage.now()
        scene.tree.tell(scene.at("mid/slow"), ("hang", 0.0))
        scene.terminate("mid")
        assert stage.now() - at >= limit_s
        for verb in (stage.tree.which_children, stage.tree.count_children):
            at = stage.now()
            assert refused_somehow(verb, path) in ("restarting", "not_found", "stopped", "actor_failed")
            assert stage.now() - at < 20


def refused_somehow(verb: object, *args: object) -> str:
    from supervisors import SupervisorError

    with pytest.raises(SupervisorError) as error:
        verb(*args)  # type: ignore[operator]
    return error.value.code


def test_BX_18_a_watcher_is_told_of_each_end_once(stage: Stage) -> None:
    """Also when it watches twice, and of one that had ended before. A restart is told as an end and a new start: the
    watcher can then tell that it speaks with another process."""
    gone = puppet("gone", restart=Restart.TRANSIENT)
    with stage.play(sup(puppet("w"), puppet("a"), gone)) as scene:
        scene.hit("gone", "stop", "normal", "done")
        for target in ("gone", "a", "a"):
            scene.tell("w", "watch", scene.at(target))

        def heard(name: str) -> list[bool]:
            return [peer.incarnation is not None for peer in scene.ask("w", "kept") if peer.path == scene.at(name)]

        scene.eventually(lambda: heard("gone") == [False] and heard("a") == [True])
        for number in (1, 2):
            scene.hit("a")
            scene.eventually(lambda number=number: heard("a") == [True, *[False, True] * number])
        assert heard("gone") == [False]


class Counter(ManagedActor):
    """Writes down that it was called, and raises."""

    def on_start(self, book: str) -> None:
        self.book = Path(book)

    def receive(self, message: object, sender: str | None) -> None:
        with self.book.open("a") as file:
            file.write(f"{message}\n")
        raise RuntimeError("after the effect")


def test_BX_51_a_handler_that_raises_runs_once(stage: Stage, book: str) -> None:
    with stage.play(sup(ChildSpec(id="a", actor=Counter, args={"book": book}))) as scene:
        for number in range(3):
            refused("actor_failed", scene.ask, "a", number)
            scene.eventually(lambda: scene.is_up("a"))
        assert Path(book).read_text().split() == ["0", "1", "2"]

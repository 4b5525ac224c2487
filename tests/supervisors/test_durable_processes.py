"""Durable actors in real processes: what was answered is there after SIGKILL, once, and never half."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from supervisors import ActorTree, ChildSpec, DurableActor, SupervisorError, SupervisorSpec
from tests.supervisors.durable_actors import Counter
from tests.supervisors.real_trees import eventually


def start(tmp_path: Path, *actors: type[DurableActor], **args: Any) -> ActorTree:
    children = [ChildSpec(id="counter", actor=each, args=args) for each in actors or (Counter,)]
    witness = ChildSpec(id="witness", actor=Counter)
    spec = SupervisorSpec(id="root", children=(*children, witness), max_restarts=1000)
    return ActorTree.start(spec, state_dir=tmp_path / "state")


def kill(tree: ActorTree, name: str = "counter") -> None:
    pid = tree.ask(name, "pid")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: tree.ask(name, "pid") != pid)


def events(tree: ActorTree, kind: str) -> list[str]:
    return [event.detail for event in tree.events() if event.type == kind]


def test_what_was_answered_survives_kill_9_and_the_end_of_the_tree(tmp_path: Path) -> None:
    with start(tmp_path) as tree:
        assert tree.ask("counter", ("add", 2)) == 2
        kill(tree)
        assert tree.ask("counter", ("add", 3)) == 5
        assert tree.ask("counter", "restored").version == 2
        kill(tree)
    with start(tmp_path) as tree:
        assert tree.ask("counter", "total") == 5
        assert tree.which_children("root")[0].info == {"total": 5}


def test_messages_with_a_key_are_handled_once_through_kills(tmp_path: Path) -> None:
    """BX-45."""
    with start(tmp_path) as tree:
        first = [tree.ask("counter", ("word", str(n)), idempotency_key=f"word {n}") for n in range(3)]
        assert first == [("0", [1]), ("1", [2]), ("2", [3])]
        kill(tree)
        assert [tree.ask("counter", ("word", "x"), idempotency_key=f"word {n}") for n in range(3)] == first
        for _ in range(2):
            tree.tell("counter", ("add", 5), idempotency_key="once")
        assert tree.ask("counter", "words") == ["0", "1", "2"]
        assert tree.ask("counter", "total") == 5
        for _ in range(3):
            tree.ask("counter", ("tell", "witness", ("add", 1), "one for all"))
        tree.ask("counter", ("tell", "witness", ("word", "last"), None))
        eventually(lambda: tree.ask("witness", "words") == ["last"])
        assert tree.ask("witness", "total") == 1


def test_a_handler_that_does_not_end_leaves_nothing(tmp_path: Path) -> None:
    with start(tmp_path) as tree:
        tree.ask("counter", ("add", 1))
        for trouble, cause in [("raise", "RuntimeError: told to"), ("kill", "SIGKILL")]:
            with pytest.raises(SupervisorError) as failed:
                tree.ask("counter", ("add, then", 10, trouble), idempotency_key="again")
            assert failed.value.code == "actor_failed" and cause in failed.value.cause
            assert eventually(lambda: tree.ask("counter", "total")) == 1
        assert tree.ask("counter", ("add", 10), idempotency_key="again") == 11
        assert tree.ask("witness", "words") == []


def test_what_cannot_be_restored_is_not_answered_for(tmp_path: Path) -> None:
    with start(tmp_path) as tree:
        tree.ask("counter", ("add", 1))
        for message, cause in [(("set", "total", "many"), "ValidationError"), (("set", "words", [object()]), "Error")]:
            with pytest.raises(SupervisorError) as failed:
                tree.ask("counter", message)
            assert failed.value.code == "actor_failed" and cause in failed.value.cause
            assert eventually(lambda: tree.ask("counter", "total")) == 1
        with pytest.raises(SupervisorError) as failed:
            tree.ask("counter", "object", idempotency_key="k")
        assert "idempotency key is kept as JSON, which has no object" in failed.value.cause


def test_a_snapshot_that_raises_on_start_twice_is_set_aside_and_the_one_before_is_used(tmp_path: Path) -> None:
    """BX-37."""
    with start(tmp_path) as tree:
        tree.ask("counter", ("add", 7))
        tree.ask("counter", "poison")
        os.kill(tree.ask("counter", "pid"), signal.SIGKILL)
        assert eventually(lambda: tree.ask("counter", "total")) == 7
        assert tree.which_children("root")[0].restarts == 3
        assert tree.ask("counter", "restored").set_aside == (3,)
        assert eventually(lambda: events(tree, "snapshot_set_aside")) == ["snapshot 3 did not start twice; 2 did"]
        tree.ask("counter", ("add", 1))
        kill(tree)
        assert tree.ask("counter", "total") == 8


def test_a_start_that_fails_for_the_worlds_sake_is_not_held_against_the_state(tmp_path: Path) -> None:
    fault = tmp_path / "fault"
    with start(tmp_path, fault=str(fault)) as tree:
        for number in range(3):
            tree.ask("counter", ("add", number))
        fault.touch()
        os.kill(tree.ask("counter", "pid"), signal.SIGKILL)
        eventually(lambda: tree.which_children("root")[0].restarts > 6)
        fault.unlink()
        assert eventually(lambda: tree.ask("counter", "total")) == 3
        assert tree.ask("counter", "restored").set_aside == ()


def test_an_answer_given_later_reaches_all_who_asked_with_the_key(tmp_path: Path) -> None:
    with start(tmp_path) as tree, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(tree.ask, "counter", ("later", 1), 20.0, idempotency_key="k") for _ in range(3)]
        eventually(lambda: tree.ask("counter", "total") == 1)
        assert tree.ask("counter", "now") == "told"
        assert [each.result() for each in asked] == ["at last"] * 3
        assert tree.ask("counter", ("later", 1), idempotency_key="k") == "at last"
        with pytest.raises(SupervisorError):
            tree.ask("counter", "silent", timeout_s=0.2, idempotency_key="s")
        with pytest.raises(SupervisorError, match="has no answer to it"):
            tree.ask("counter", "silent", idempotency_key="s")
        assert tree.ask("counter", "total") == 2


def test_keys_are_texts_of_limited_length(tmp_path: Path) -> None:
    with start(tmp_path) as tree:
        for key in ("", "x" * 201, 7):
            with pytest.raises(ValueError, match="idempotency_key"):
                tree.ask("counter", "total", idempotency_key=key)  # type: ignore[arg-type]

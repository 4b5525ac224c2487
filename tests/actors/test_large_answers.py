"""Answers that no message carries end nobody."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from aidos_actors.actors import status
from aidos_actors.actors.answering import answer
from aidos_actors.actors.desk_socket import Caller, Connection
from supervisors import frames
from supervisors.parcel import PARCEL_BYTES_MAX, packed


def test_who_asked_for_too_much_is_told_so_and_the_scheduler_lives() -> None:
    told: list[Any] = []

    def reply(answer: Any, _asked: Any) -> None:
        packed(answer)
        told.append(answer)

    answer(reply, {"value": "x" * PARCEL_BYTES_MAX}, "asked")  # type: ignore[arg-type]
    assert [answer["error"]["code"] for answer in told] == ["try_again"], "read verbs look into the ledger then"


def test_who_asked_by_the_socket_is_told_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FRAME_BYTES_MAX", 1000)
    here, there = socket.socketpair()
    with here, there:
        caller = Caller(Connection(here, lambda _connection: None), 7)
        answer(lambda *_: None, {"value": "x" * 1000}, caller)
        said = frames.read(there, trusted=False)
    assert (said["id"], said["answer"]["error"]["code"]) == (7, "try_again")


def test_who_waits_for_a_very_large_requirement_hears_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    full: dict[str, Any] = {"id": "r", "state": "done", "tasks": [{}] * status.TASKS_TOLD_MAX}
    monkeypatch.setattr(status, "status_of", lambda _ledger, _name: full)
    assert status.told_state(None, "r") == full  # type: ignore[arg-type]
    full["tasks"] = [{}] * (status.TASKS_TOLD_MAX + 1)
    told = status.told_state(None, "r")  # type: ignore[arg-type]
    assert told == {"id": "r", "state": "done", "tasks": [], "tasks_left_out": status.TASKS_TOLD_MAX + 1}

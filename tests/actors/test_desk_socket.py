"""The Scheduler's own socket: calls are served together, and whoever talks nonsense is cut off alone."""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aidos_actors.actors.desk_socket import FRAME_BYTES_MAX, Caller, DeskSocket
from aidos_actors.actors.inputs import Inputs
from aidos_actors.desk_client import SOCKET_NAME, DeskClient
from supervisors.calls import connect_to


class Desk:
    """Answers every call with itself; its loop is a thread."""

    def __init__(self, state: Path) -> None:
        self.watched: dict[int, Callable[[], None]] = {}
        self.served = 0
        self.turns: list[int] = []
        self.is_over = False
        inputs = Inputs(self.watched.__setitem__, lambda: self.turns.append(self.served))
        self.socket = DeskSocket(state, inputs, self._serve)
        self.loop = threading.Thread(target=self._run)

    def _serve(self, call: dict[str, Any], caller: Caller) -> None:
        self.served += 1
        more = {"more": call["text"] * 10} if "text" in call else {}
        caller.answer({"value": {**call, **more}})

    def turn(self) -> None:
        for fd in select.select(list(self.watched), [], [], 0.02)[0]:
            self.watched.get(fd, lambda: None)()

    def _run(self) -> None:
        while not self.is_over:
            self.turn()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    made.loop.start()
    yield made
    made.is_over = True
    made.loop.join()


def frame(message: Any) -> bytes:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return struct.pack(">I", len(body)) + body


def test_calls_are_answered_from_many_threads(desk: Desk, tmp_path: Path) -> None:
    client, found = DeskClient(tmp_path), []

    def ask(number: int) -> None:
        for turn in range(20):
            found.append(client.ask({"n": number, "turn": turn}, 5.0) == {"value": {"n": number, "turn": turn}})
        client.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 160


def test_what_has_come_by_now_is_served_together(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    links = [connect_to(tmp_path, SOCKET_NAME) for _ in range(3)]
    for _ in links:
        desk.turn()
    desk.turns.clear()
    for link in links:
        link.sendall(frame({"protocol": 1, "id": 1, "call": {}}) * 2)
    desk.turn()
    assert desk.turns == [6]
    for link in links:
        link.close()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\xff" * 64,
        struct.pack(">I", FRAME_BYTES_MAX + 1) + b"x",
        frame(b"no json"),
        frame({"protocol": 2, "id": 1, "call": {}}),
        frame({"protocol": 1, "id": 1, "call": "text"}),
        frame({"protocol": 1}),
        frame(b"[" * 100_000),
    ],
)
def test_nonsense_ends_its_own_connection_and_no_other(desk: Desk, tmp_path: Path, nonsense: bytes) -> None:
    client = DeskClient(tmp_path)
    assert client.ask({"n": 1}, 5.0) is not None
    with connect_to(tmp_path, SOCKET_NAME) as stranger:
        stranger.settimeout(5.0)
        stranger.sendall(nonsense)
        assert stranger.recv(1) == b""
    assert client.ask({"n": 2}, 5.0) == {"value": {"n": 2}}
    client.close()


def test_an_answer_larger_than_the_kernel_takes_at_once_comes_whole(desk: Desk, tmp_path: Path) -> None:
    client = DeskClient(tmp_path)
    call = {"text": "x" * 400_000}
    for _ in range(3):
        assert client.ask(call, 10.0) == {"value": {**call, "more": call["text"] * 10}}
    client.close()


def test_a_caller_who_does_not_read_is_cut_off_and_nobody_waits_for_it(desk: Desk, tmp_path: Path) -> None:
    with connect_to(tmp_path, SOCKET_NAME) as deaf:
        deaf.settimeout(5.0)
        with pytest.raises(OSError):
            for _ in range(100):
                deaf.sendall(frame({"protocol": 1, "id": 1, "call": {"text": "x" * 500_000}}))
    client = DeskClient(tmp_path)
    assert client.ask({"n": 1}, 5.0) == {"value": {"n": 1}}
    client.close()


def test_where_nobody_is_there_is_no_answer(tmp_path: Path) -> None:
    assert DeskClient(tmp_path).ask({}, 1.0) is None
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET_NAME))
    assert DeskClient(tmp_path).ask({}, 1.0) is None

"""The short way between a Scheduler and its workers: in order, to living workers only, else by mail."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aidos_actors.actors.crew_line import CrewLine, Reopen
from aidos_actors.actors.crew_socket import SOCKET_NAME, CrewSocket
from aidos_actors.actors.delivery_watch import LookWhetherBack
from aidos_actors.actors.inputs import Inputs
from aidos_actors.actors.words import SCHEDULER, WorkerHello
from aidos_actors.core.orders import WorkerId
from supervisors.frames import HEAD

ME = f"{os.getpid()}-me"
WORKER = WorkerId("root/workers/worker-1", ME)
HELLO = WorkerHello(WORKER, 1, (), (), 1)


class Loop:
    """Both ends in this process; each turn serves what is readable. It stands for the worker's actor, too."""

    def __init__(self, state: Path) -> None:
        self.calls: dict[int, Callable[[], None]] = {}
        self.heard: list[Any] = []
        self.told: list[Any] = []
        self.mailed: list[tuple[str, Any]] = []
        self.timers: list[Any] = []
        self.crew = CrewSocket(state, Inputs(self.on_readable, lambda: None), self.heard.append, self.timers.append)
        self.line = CrewLine(self, state, self.told.append)  # type: ignore[arg-type]

    def on_readable(self, fd: int, call: Callable[[], None]) -> None:
        self.calls[fd] = call

    def ignore(self, fd: int) -> None:
        self.calls.pop(fd, None)

    def send(self, target: str, message: Any) -> None:
        self.mailed.append((target, message))

    def after(self, _delay_s: float, message: Any) -> None:
        self.timers.append(message)

    def turns(self) -> None:
        """Until nothing more comes."""
        while ready := select.select(list(self.calls), [], [], 0.05)[0]:
            for fd in ready:
                self.calls.get(fd, lambda: None)()


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    made = Loop(tmp_path)
    yield made
    made.line.close()


def test_words_come_in_order_both_ways(loop: Loop) -> None:
    loop.crew.lives(ME)
    loop.line.open(ME)
    loop.line.say(HELLO)
    for number in range(500):
        loop.line.say(number)
    loop.turns()
    assert loop.heard == [HELLO, *range(500)] and not loop.mailed
    large = "x" * 2_000_000
    assert all(loop.crew.send(WORKER, word) for word in (1, 2, large))
    loop.turns()
    assert loop.told == [1, 2, large]


def test_nobody_is_heard_before_it_is_known_to_live(loop: Loop) -> None:
    loop.line.open(ME)
    loop.line.say(HELLO)
    loop.turns()
    assert loop.heard == [] and not loop.crew.send(WORKER, "too early")
    loop.crew.lives(ME)
    loop.turns()
    assert loop.heard == [HELLO] and loop.crew.send(WORKER, "now")


def test_a_stranger_is_never_listened_to(loop: Loop, tmp_path: Path) -> None:
    loop.crew.lives("1-somebody")
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(tmp_path / SOCKET_NAME))
        stranger.sendall(b"\x00\x00\x00\x04junk")
        loop.turns()
        loop.crew.gone("1-somebody")
    assert loop.heard == []


@pytest.mark.parametrize("junk", [b"\xff" * 64, b"\x00\x00\x00\x04junk"])
def test_what_cannot_be_read_ends_that_link_alone(loop: Loop, tmp_path: Path, junk: bytes) -> None:
    loop.crew.lives(ME)
    loop.line.open(ME)
    loop.line.say(HELLO)
    loop.turns()
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(str(tmp_path / SOCKET_NAME))
        other.sendall(junk)
        loop.turns()
        other.settimeout(5.0)
        assert other.recv(1) == b""
    assert loop.crew.send(WORKER, "still there")
    loop.turns()
    assert loop.told == ["still there"]


def test_a_lost_link_is_opened_again_and_words_go_by_mail_meanwhile(loop: Loop) -> None:
    loop.crew.lives(ME)
    loop.line.open(ME)
    loop.line.say(HELLO)
    loop.turns()
    for link in list(loop.crew._open.values()):
        link.close()
    loop.turns()
    assert (
        loop.timers == [LookWhetherBack(WORKER, 1), Reopen(ME)]
        and loop.line.is_to(ME)
        and not loop.crew.send(WORKER, "lost")
    )
    loop.line.say("meanwhile")
    assert loop.mailed == [(SCHEDULER, "meanwhile")]
    loop.line.open(ME)
    loop.line.say(HELLO)
    loop.turns()
    assert loop.heard[-1] == HELLO and loop.crew.send(WORKER, "here again")


def test_where_another_process_listens_words_go_by_mail(loop: Loop) -> None:
    loop.line.open("1-another")
    loop.line.say(HELLO)
    assert loop.mailed == [(SCHEDULER, HELLO)]


def test_a_closed_line_asks_for_nothing(loop: Loop) -> None:
    loop.crew.lives(ME)
    loop.line.open(ME)
    loop.line.close()
    loop.turns()
    assert loop.timers == [] and not loop.line.is_to(ME)


def test_what_cannot_be_read_ends_its_link_and_nobody_else(loop: Loop) -> None:
    """Also when the link ends of the very bytes that come with it."""
    ours, theirs = socket.socketpair()
    loop.crew._listen(ours)
    theirs.sendall(HEAD.pack(3) + b"bad" + b"\xff" * 8)
    loop.turns()
    assert not loop.crew._open and not loop.heard
    theirs.close()
    test_words_come_in_order_both_ways(loop)


def test_whose_link_ends_is_looked_for_by_its_last_greeting(loop: Loop) -> None:
    loop.crew.lives(ME)
    loop.line.open(ME)
    loop.line.say(HELLO)
    loop.line.say(replace(HELLO, number=2))
    loop.turns()
    loop.line.close()
    loop.turns()
    assert loop.timers == [LookWhetherBack(WORKER, 2)]

"""What replaces Thespian's selector says the same as the one it had, and what has come is read in one turn."""

from __future__ import annotations

import os
import selectors
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from thespian.system.transport.streamBuffer import ReceiveBuffer

from supervisors.systems.turns import READ, WRITE, OneLook, _rest


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def seen(look: Any, fd: int, *events: int, timeout_s: float | None = 0.0) -> dict[int, int]:
    for event in events:
        look.register(fd, event)
    found = {key.fd: event for key, event in look.select(timeout_s)}
    look.close()
    return found


def test_it_agrees_with_the_selector_it_replaces(pair: tuple[socket.socket, socket.socket]) -> None:
    assert (READ, WRITE) == (selectors.EVENT_READ, selectors.EVENT_WRITE)
    ours, theirs = pair
    fd = ours.fileno()
    steps = [lambda: None, lambda: theirs.send(b"x"), lambda: ours.recv(1), lambda: theirs.shutdown(socket.SHUT_WR)]
    for step in steps:
        step()
        for event in (READ, WRITE):
            assert seen(OneLook(), fd, event) == seen(selectors.DefaultSelector(), fd, event)


def test_one_descriptor_may_be_wanted_for_both(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.send(b"x")
    assert seen(OneLook(), ours.fileno(), READ, WRITE) == {ours.fileno(): READ | WRITE}


def test_who_waits_for_ever_is_woken_by_what_is_ready(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.send(b"x")
    assert seen(OneLook(), ours.fileno(), READ, timeout_s=None) == {ours.fileno(): READ}


def test_a_pipe_whose_other_end_has_gone_is_ready() -> None:
    ours, theirs = os.pipe()
    os.close(theirs)
    try:
        assert seen(OneLook(), ours, READ) == {ours: READ}
    finally:
        os.close(ours)


def test_a_descriptor_that_is_not_open_is_an_error() -> None:
    ours, theirs = os.pipe()
    for fd in (ours, theirs):
        os.close(fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        seen(OneLook(), ours, READ)


def received(*parts: bytes) -> ReceiveBuffer:
    buffer = ReceiveBuffer(bytes)
    for part in parts:
        buffer.addMore(part)
    return buffer


@pytest.mark.parametrize(
    ("parts", "there", "rest", "why"),
    [
        ((b"10>abc",), b"defghij", b"defghij", "all that is missing"),
        ((b"10>abc",), b"defghijNEXT", b"defghij", "and nothing of the message behind it"),
        ((b"10>abc",), b"def", b"def", "as far as it has come"),
        ((b"10>abc",), b"", b"", "nothing has come yet"),
        ((b"1",), b"0>", b"", "its length is not known yet"),
        ((b"3>abc",), b"NEXT", b"", "it is all there"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_rest_of_a_message(
    pair: tuple[socket.socket, socket.socket], parts: tuple[bytes, ...], there: bytes, rest: bytes, why: str
) -> None:
    ours, theirs = pair
    if there:
        theirs.send(there)
    assert _rest(ours, received(*parts)) == rest, why


def test_a_connection_that_broke_has_no_rest() -> None:
    def broken(_: int) -> bytes:
        raise ConnectionResetError

    assert _rest(SimpleNamespace(recv=broken), received(b"10>abc")) == b""

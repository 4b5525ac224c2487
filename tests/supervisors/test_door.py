"""The door has room for so many callers, and those who have forgotten their connection keep nobody out."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from supervisors import ActorTree, SupervisorSpec, frames
from supervisors.calls import HELLO_TIMEOUT_S, Caller, Unanswered, connect_to
from supervisors.door import CONNECTIONS_MAX
from supervisors.testing import Puppet, eventually


def greeted(state: Path) -> socket.socket:
    link = connect_to(state)
    link.settimeout(10.0)
    link.sendall(frames.encode({"protocol": frames.PROTOCOL}, trusted=False))
    assert frames.read(link, trusted=False) == {"protocol": frames.PROTOCOL}
    return link


def answered(caller: Caller) -> bool:
    """A call that met the closed connection is made again, as all callers do."""
    try:
        return bool(caller.call("ping", "", {}, 10.0)["pids"])
    except Unanswered:
        return False


def test_idle_connections_make_room_the_longest_idle_first(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with ActorTree.start(SupervisorSpec(id="root", children=[Puppet.child_spec(id="a")]), state_dir=state) as tree:
        idle = [greeted(state) for _ in range(CONNECTIONS_MAX)]
        caller = Caller(lambda: connect_to(state), trusted=False)
        assert caller.call("ping", "", {}, 10.0)["pids"]
        assert idle[0].recv(1) == b"", "the one that was idle longest is closed"
        assert caller.call("count_children", "root", {}, 10.0)["workers"] == 1
        assert tree.ask("a", ("reply", 1)) == 1, "the program that owns the tree has its own way in"
        for link in idle:
            link.close()
        caller.close()


def test_calls_that_are_closed_wait_for_no_greeting(tmp_path: Path) -> None:
    """Nobody greets: the system behind the door has just ended, or hangs."""
    ours, theirs = socket.socketpair()
    caller = Caller(lambda: ours, trusted=False)
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(caller.call, "ping", "", {}, 30.0) for _ in range(3)]
        assert frames.read(theirs, trusted=False) == {"protocol": frames.PROTOCOL}
        began_at = time.monotonic()
        caller.close()
        for call in calls:
            with pytest.raises(Unanswered):
                call.result()
        assert time.monotonic() - began_at < HELLO_TIMEOUT_S / 2
    theirs.close()


def test_a_caller_that_was_cut_off_comes_again(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with ActorTree.start(SupervisorSpec(id="root"), state_dir=state):
        caller = Caller(lambda: connect_to(state), trusted=False)
        assert caller.call("ping", "", {}, 10.0)["pids"]
        links = [greeted(state) for _ in range(CONNECTIONS_MAX)]
        eventually(lambda: answered(caller))
        for link in links:
            link.close()
        caller.close()

"""Bytes from strangers at every listener of a running tree: nothing executed, nothing crashed, all of it counted.

``FUZZ_SECONDS`` and ``FUZZ_SEED`` make the last test longer and different.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisors import ActorTree, SupervisorError
from supervisors.calls import connect_to
from supervisors.linux import start_ticks
from tests.supervisors.stranger import Running, throw

FUZZ_S = float(os.environ.get("FUZZ_SECONDS", "3"))
SEED = int(os.environ.get("FUZZ_SEED", "20260101"))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path / "state")
    yield made
    made.tree.stop()


def eventually(check: Callable[[], Any]) -> Any:
    until = time.monotonic() + 20
    while not (found := check()):
        assert time.monotonic() < until, "it did not become true"
        time.sleep(0.02)
    return found


def test_a_message_is_delivered_once_and_to_whom_it_is_meant(running: Running) -> None:
    ports = {name: running.where(name)[3] for name in "ab"}
    frame = running.signed("mine")
    for _ in range(3):
        throw(ports["b"], frame)
    throw(ports["a"], frame)
    assert eventually(lambda: running.tree.ask("b", "got")) == ["mine"]
    assert running.tree.ask("a", "got") == []
    refused = running.refused()
    assert (refused["replayed"], refused["redirected"]) == (2, 1)
    assert throw(ports["b"], frame), "a repeated message is acknowledged: its sender may have missed the first"


def test_forged_truncated_and_oversized_bytes_are_counted(running: Running) -> None:
    before = running.processes()
    port = running.where("b")[3]
    frame = running.signed("never")
    head, _, body = frame.partition(b">")
    throw(port, head + b">" + body[:-1] + bytes([body[-1] ^ 1]))
    throw(port, frame[:-5], wait_for_answer=False)
    for bad in (b"999999999999>", b"-5>", b"x>", b"7" * 100, b"\xff" * 64):
        throw(port, bad)
    eventually(lambda: running.refused()["malformed"] >= 6)
    assert running.refused()["forged"] == 1
    assert running.tree.ask("b", "got") == [] and running.processes() == before


def test_silent_connections_are_bounded_and_shut_nobody_out(running: Running) -> None:
    _, _, pid, port = running.where("b")
    links = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(300)]
    try:
        eventually(lambda: running.refused()["crowded"] >= 300 - 128 - 10)
        assert running.tree.ask("b", "got") == []
        assert len(list(Path(f"/proc/{pid}/fd").iterdir())) < 200
    finally:
        for link in links:
            link.close()


def test_a_listener_that_answers_nonsense_blocks_no_sender(running: Running) -> None:
    """A stranger may get a dead actor's port: whoever still sends there goes on with everyone else."""
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen(64)
        stranger.settimeout(20)
        port = stranger.getsockname()[1]
        for answer in (b"3>ACK", b"junk" * 20, b"999999999999>", b"x>", b"16>" + bytes(16)) * 6:
            running.tree.tell("a", ("misled", port, 1))
            link, _ = stranger.accept()
            link.recv(65536)
            link.sendall(answer)
            link.recv(1)
            link.close()
        assert running.tree.ask("a", "got") == []


def test_the_key_is_nowhere_to_be_found(running: Running) -> None:
    key = running.tree.ask("a", "key")
    forms = (key, key.hex().encode(), repr(key).encode())
    for pid in running.processes().values():
        for name in ("cmdline", "environ"):
            text = Path(f"/proc/{pid}/{name}").read_bytes()
            assert text if name == "cmdline" else True
            assert not any(form in text for form in forms), f"{name} of {pid}"
    files = [path for path in running.state.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert not any(form in path.read_bytes() for form in forms), path


def test_lawful_mail_is_never_taken_for_a_replay(running: Running) -> None:
    """Both ways at once, so that sends cross on one connection; nothing is lost, nothing is refused."""
    count = 300
    for first in range(0, count, 100):
        running.tree.ask("a", ("many", "b", first, 100))
        running.tree.ask("b", ("many", "a", first, 100))
    for name in "ab":
        eventually(lambda name=name: len(running.tree.ask(name, "got")) == count)
        assert running.tree.ask(name, "got") == [("number", number) for number in range(count)]
    assert not any(running.refused().values())
    for _ in range(3):
        running.tree.ask("a", ("many", "b", 0, 200))
        os.kill(eventually(lambda: _pid(running.tree, "b")), signal.SIGKILL)
    eventually(lambda: _pid(running.tree, "b"))
    running.tree.ask("a", ("many", "b", 1000, 100))
    eventually(lambda: ("number", 1099) in running.tree.ask("b", "got"))
    refused = running.refused()
    assert not refused["replayed"] and not refused["redirected"] and not refused["forged"], refused


def _pid(tree: ActorTree, name: str) -> int | None:
    try:
        return int(tree.ask(name, "where")[2])
    except SupervisorError:
        return None


def test_whatever_is_thrown(running: Running, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    print(f"seed {SEED}, {FUZZ_S:g} s")
    touched = tmp_path / "touched"
    before, ports = running.processes(), running.ports()
    assert len(ports) >= 5, "admin, logger, root and two actors listen"
    samples = [running.signed(("sample", n)) for n in range(3)] + [_evil(touched)]
    until = time.monotonic() + FUZZ_S
    thrown = 0
    while time.monotonic() < until:
        thrown += 1
        if thrown % 10 == 0:
            _knock(running.state, chance, _evil(touched))
        else:
            wait = chance.random() < 0.05
            throw(chance.choice(ports), _mangled(chance, samples), wait_for_answer=wait)
    assert running.processes() == before and all(start_ticks(pid) for pid in before.values())
    assert not touched.exists()
    refused = running.refused()
    print(f"{thrown} thrown, refused {refused}")
    assert refused["forged"] and refused["malformed"] and refused["door"]
    assert all(message[0] == "sample" for name in "ab" for message in running.tree.ask(name, "got"))


def _evil(touched: Path) -> bytes:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return os.system, (f"touch {touched}",)

    body = pickle.dumps(Evil())
    return b"%d>" % len(body) + body


def _mangled(chance: random.Random, samples: list[bytes]) -> bytes:
    data = bytearray(chance.choice(samples))
    match chance.randrange(7):
        case 0:
            return bytes(data)
        case 1:
            return bytes(data[: chance.randrange(len(data))])
        case 2:
            for _ in range(chance.randrange(1, 8)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            return bytes(data)
        case 3:
            return chance.randbytes(chance.randrange(2000))
        case 4:
            return b"%d>" % chance.choice((-1, 0, 1, 16, 10**9, 10**30)) + chance.randbytes(50)
        case 5:
            return bytes(data) + chance.randbytes(chance.randrange(100))
        case _:
            at = data.index(b">") + 1
            return b"%d>" % (len(data) - at + 3) + chance.randbytes(3) + bytes(data[at:])


def _knock(state: Path, chance: random.Random, evil: bytes) -> None:
    """Something at the control socket, after a proper greeting or without one."""
    verbs = ("ask", "tell", "start_child", "terminate_child", "tree", "nothing", "locate", "child_spec")
    request = {
        "id": chance.choice((1, None, "x" * 1000)),
        "verb": chance.choice(verbs[:3] + verbs[4:]),
        "target": chance.choice(("root", "", "\x00", "nobody")),
        "args": chance.choice((None, [], {"child": 3}, {"spec": [1]}, 5, "text")),
        "timeout_s": chance.choice((0.01, -1, float("nan"), 1e300, "x")),
    }
    body = chance.choice((json.dumps(request).encode(), b"[" * 100_000, b"[]", b"null", evil, chance.randbytes(30)))
    frame = chance.choice((len(body), len(body), 0, 2**32 - 1)).to_bytes(4, "big") + body
    hello = b'{"protocol": 1}'
    with connect_to(state) as link:
        try:
            if chance.random() < 0.8:
                link.sendall(len(hello).to_bytes(4, "big") + hello)
            link.sendall(frame)
            link.shutdown(socket.SHUT_WR)
        except OSError:
            pass

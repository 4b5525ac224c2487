"""What makes a message of a system its own, tried on the bytes."""

from __future__ import annotations

import os
import pickle
import random
from collections.abc import Iterator

import pytest

from supervisors.systems import signatures
from supervisors.systems.signatures import Refused, Repeated, SignedPickle, Window

HERE, THERE = 4000, 4001


@pytest.fixture
def signed() -> Iterator[SignedPickle]:
    made = SignedPickle()
    made.listens_on(HERE)
    yield made
    for fd in made.refusals._fds.values():
        os.close(fd)


def test_a_message_is_taken_once(signed: SignedPickle) -> None:
    raw = signed.dumps({"a": 1}, HERE)
    assert signed.loads(raw) == {"a": 1}
    with pytest.raises(Repeated):
        signed.loads(raw)
    assert signed.refusals.totals()["replayed"] == 1


def test_a_message_for_another_is_refused(signed: SignedPickle) -> None:
    with pytest.raises(Refused):
        signed.loads(signed.dumps(1, THERE))
    assert signed.refusals.totals()["redirected"] == 1


def test_every_byte_is_under_the_signature(signed: SignedPickle) -> None:
    raw = signed.dumps("value", HERE)
    for at in range(len(raw)):
        with pytest.raises(Refused):
            signed.loads(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    for length in range(len(raw)):
        with pytest.raises(Refused):
            signed.loads(raw[:length])
    assert signed.refusals.totals()["forged"] == 2 * len(raw)
    assert signed.loads(raw) == "value"


def test_a_plain_pickle_is_not_unpickled(signed: SignedPickle) -> None:
    done: list[int] = []

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return done.append, (1,)

    for raw in (pickle.dumps(1), bytes(16) + pickle.dumps(1), pickle.dumps(os.getpid)):
        with pytest.raises(Refused):
            signed.loads(raw)
    assert not done


def test_another_system_has_another_key(signed: SignedPickle) -> None:
    other = SignedPickle()
    with pytest.raises(Refused):
        signed.loads(other.dumps(1, HERE))
    for fd in other.refusals._fds.values():
        os.close(fd)


def test_what_was_sent_before_this_process_was_born_is_not_for_it(signed: SignedPickle) -> None:
    old = signed.dumps("for who had this port before", HERE)
    signed._begin()
    signed.listens_on(HERE)
    with pytest.raises(Repeated):
        signed.loads(old)
    assert signed.loads(signed.dumps("new", HERE)) == "new"


def test_a_fork_is_another_sender_and_shares_the_count(signed: SignedPickle) -> None:
    ours, theirs = os.pipe()
    before = signed.dumps("parent", HERE)
    if (pid := os.fork()) == 0:
        signed.refusals.count("forged")
        os.write(theirs, signed.dumps("child", HERE))
        os._exit(0)
    os.waitpid(pid, 0)
    from_child = os.read(ours, 1000)
    os.close(ours)
    os.close(theirs)
    assert signed.loads(from_child) == "child"
    assert signed.loads(before) == "parent", "a sender's counter says nothing about another's"
    assert signed.refusals.totals()["forged"] == 1


def test_a_window_takes_each_counter_once_in_any_near_order() -> None:
    chance = random.Random(7)
    counters = list(range(1, 20_001))
    for start in range(0, len(counters), signatures.WINDOW // 2):
        part = counters[start : start + signatures.WINDOW // 2]
        chance.shuffle(part)
        counters[start : start + signatures.WINDOW // 2] = part
    window = Window(0)
    assert all(window.admit(counter) for counter in counters)
    assert not any(window.admit(counter) for counter in counters)
    assert len(window.recent) < 2 * signatures.WINDOW


def test_senders_are_bounded_and_nobody_forgotten_may_send_again(
    signed: SignedPickle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signatures, "SENDERS_MAX", 3)
    first = []
    for _ in range(6):
        signed._me = os.urandom(8)
        first.append(signed.dumps(1, HERE))
        signed.loads(first[-1])
    assert len(signed._senders) == 3
    for raw in first:
        with pytest.raises(Repeated):
            signed.loads(raw)

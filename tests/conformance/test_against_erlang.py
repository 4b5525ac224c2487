"""The decision core does what Erlang/OTP 25 did, in hundreds of lives that nobody thought up."""

from __future__ import annotations

import shutil

import msgspec
import pytest

from tests.conformance import erlang


def recorded() -> list[erlang.Life]:
    return [msgspec.json.decode(line, type=erlang.Life) for line in erlang.RECORD.read_bytes().splitlines()]


def test_the_core_answers_what_otp_answered() -> None:
    lives = recorded()
    for life in lives:
        assert erlang.played(life) == life.answers, life
    assert {life.strategy for life in lives} == {"one_for_one", "one_for_all", "rest_for_one", "dynamic"}
    assert len(lives) >= 200 and sum("dead shutdown" in life.answers[-1] for life in lives) >= 30


@pytest.mark.skipif(shutil.which("erl") is None, reason="Erlang (erl) is not here")
def test_otp_still_answers_what_was_recorded() -> None:
    lives = recorded()[:50]
    assert erlang.played_on_erlang(lives) == [life.answers for life in lives]

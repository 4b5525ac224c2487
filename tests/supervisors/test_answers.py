"""What is kept of handled messages: bounded, and given back as it was."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors.answers import ANSWERS_BYTES_MAX, Answers, from_plain, to_plain

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.just("$tuple"), inner),
    max_leaves=10,
)


@given(VALUES)
def test_an_answer_comes_back_as_it_was(value: Any) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(value)))) == value


@dataclass
class Thing:
    n: int = 1


@pytest.mark.parametrize("value", [object(), b"bytes", {1: 2}, {"a": {1}}, Thing(), [(Thing(),)]])
def test_what_would_come_back_as_another_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="idempotency key is kept as JSON"):
        to_plain(value)


def test_the_first_answer_stays_and_the_oldest_key_is_forgotten() -> None:
    """BX-45."""
    answers = Answers(2)
    for key in "abc":
        answers.begin(key)
        answers.answer(key, key * 2)
        answers.answer(key, "another")
    assert answers.find("a") is None
    loaded = Answers(2)
    loaded.load(json.loads(answers.dumped()))
    assert [each.value for each in map(loaded.find, "bc") if each] == ["bb", "cc"]
    assert loaded.dumped() == answers.dumped()


def test_answers_are_bounded_in_size() -> None:
    answers = Answers(1000)
    for number in range(10):
        answers.answer(str(number), "x" * (ANSWERS_BYTES_MAX // 3))
    assert [number for number in range(10) if answers.find(str(number))] == [8, 9]

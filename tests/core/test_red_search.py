"""Exactly the commit that made a target red is found, with few runs of the gate, and nobody when none did."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aidos_actors.core.red_search import Ask, Found, Search, next_look


def search(length: int, culprit: int, hint: int | None = None) -> tuple[int | None, int]:
    """What is found when every head from ``culprit`` on is red, and how often the gate ran."""
    at, runs = Search(length - 1, hint=hint), 0
    while isinstance(move := next_look(at), Ask):
        assert -1 <= move.index < at.red
        at = at.judged(move.index, is_green=move.index < culprit)
        runs += 1
    assert isinstance(move, Found)
    return move.index, runs


@given(
    st.integers(1, 1000).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(0, n - 1), st.none() | st.integers(-1, n - 2))
    )
)
def test_the_culprit_is_found_soon(case: tuple[int, int, int | None]) -> None:
    length, culprit, hint = case
    found, runs = search(length, culprit, hint)
    assert found == culprit
    assert runs <= 2 * length.bit_length() + 2


@given(st.integers(1, 1000), st.none() | st.integers(-1, 998))
def test_a_gate_that_refuses_everything_blames_nobody(length: int, hint: int | None) -> None:
    found, runs = search(length, -1, None if hint is None or hint >= length - 1 else hint)
    assert found is None and runs <= length.bit_length() + 2


def test_the_usual_case_is_one_run() -> None:
    """The head before is green, and the gate says so once more: not the gate is ill, but the newest commit."""
    assert search(5, 4) == (4, 1)
    assert search(5, 4, hint=3) == (4, 1)

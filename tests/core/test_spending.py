"""The budget of a day: whatever comes, no limit is broken, and what was reserved is either spent or given back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aidos_actors.core.agents.spending import Charge, DayLimits, Spent, day_of, reserve, settle, until_next_day_s

DAY = 86400.0
LIMITS = DayLimits(calls=3, tokens=100, cost=1.0, seconds=60.0)
charges = st.builds(Charge, st.integers(0, 60), st.floats(0, 0.6), st.floats(0, 40), st.just(1))
moments = st.floats(0, 5 * DAY)


def test_a_table() -> None:
    one = Charge(40, 0.25, 20.0)
    first = reserve(Spent(), LIMITS, one, 10.0)
    assert first == Spent("1970-01-01", 1, 40, 0.25, 20.0)
    second = reserve(first, LIMITS, one, 20.0)
    assert isinstance(second, Spent)
    assert reserve(second, LIMITS, one, 30.0) == "100 tokens"
    assert reserve(second, LIMITS, Charge(), 30.0) == Spent("1970-01-01", 3, 80, 0.5, 40.0)
    assert reserve(second, LIMITS, one, DAY) == Spent("1970-01-02", 1, 40, 0.25, 20.0)
    assert settle(second, one, Charge(0, 0.0, 1.0, calls=0), "1970-01-01") == Spent("1970-01-01", 1, 40, 0.25, 21.0)
    assert settle(second, one, Charge(), "1969-12-31") == second


def test_a_clock_that_was_set_back_brings_no_new_day() -> None:
    later = reserve(Spent(), DayLimits(calls=1), Charge(), 3 * DAY)
    assert isinstance(later, Spent)
    assert reserve(later, DayLimits(calls=1), Charge(), DAY) == "1 calls"


@given(st.lists(st.tuples(charges, moments, st.booleans(), st.floats(0, 1))))
def test_no_limit_is_ever_broken(steps: list[tuple[Charge, float, bool, float]]) -> None:
    spent = Spent()
    for charge, wall, is_settled, share in steps:
        after = reserve(spent, LIMITS, charge, wall)
        if isinstance(after, str):
            continue
        spent = after
        assert spent.calls <= 3 and spent.tokens <= 100 and spent.cost <= 1.0 and spent.seconds <= 60.0
        assert spent.day >= day_of(wall)
        if is_settled:
            actual = Charge(int(charge.tokens * share), charge.cost * share, charge.seconds * share)
            spent = settle(spent, charge, actual, spent.day)
            assert min(spent.calls, spent.tokens, spent.cost, spent.seconds) >= 0


@given(moments)
def test_the_next_day_is_never_far(wall: float) -> None:
    span_s = until_next_day_s(wall)
    assert 0 < span_s <= DAY and day_of(wall + span_s + 0.001) > day_of(wall)

"""Spans of time: every spelling, one number."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aidos_actors.core.durations import DURATION_MAX_S, parse_duration_s


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("250ms", 0.25),
        ("30s", 30.0),
        ("10m", 600.0),
        ("24h", 86_400.0),
        ("7d", 604_800.0),
        ("90", 90.0),
        ("1.5h", 5_400.0),
        (".5s", 0.5),
        ("1e3", 1_000.0),
        (90, 90.0),
        (0.25, 0.25),
        ("365d", DURATION_MAX_S),
    ],
)
def test_a_span_is_read_in_seconds(written: str | float, seconds: float) -> None:
    assert parse_duration_s(written) == seconds


@pytest.mark.parametrize(("one", "other"), [("1.1m", "66s"), ("100ms", 0.1), ("1d", "24h"), ("0.3s", "300ms")])
def test_the_same_span_is_the_same_number(one: str | float, other: str | float) -> None:
    assert parse_duration_s(one) == parse_duration_s(other)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "soon",
        "10 m",
        "10M",
        "1h30m",
        "1:30",
        "-5s",
        "1_000",
        "1e2h",
        "\u0661s",
        "10m\n",
        "9" * 41,
        "9" * 1_000_000,
        "0",
        "0ms",
        0,
        -1,
        "366d",
        366 * 86_400,
        10**400,
        float("inf"),
        float("nan"),
        "inf",
        ".inf",
        "1e999999999999999999",
        "1e-999999999",
        True,
        None,
        [],
    ],
    ids=lambda written: repr(written)[:20],
)
def test_what_is_no_span_is_refused_with_the_rule(written: Any) -> None:
    with pytest.raises(ValueError, match=r"10m|at most 365d") as refused:
        parse_duration_s(written)
    assert len(str(refused.value)) < 300


@given(st.integers(min_value=1, max_value=365), st.sampled_from(["d", "h", "m", "s", "ms"]))
def test_a_whole_number_and_a_unit_is_exact(number: int, unit: str) -> None:
    thousandths = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}[unit]
    assert parse_duration_s(f"{number}{unit}") == number * thousandths / 1000


@given(st.text(max_size=50))
def test_any_text_is_a_bounded_span_or_a_value_error(written: str) -> None:
    try:
        seconds = parse_duration_s(written)
    except ValueError:
        return
    assert 0 < seconds <= DURATION_MAX_S

"""What the embedded library may be given, and what is said of anything else."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from aidos_actors import arguments as given
from aidos_actors.config import Config
from aidos_actors.core.errors import BadInput

NAN, INF = float("nan"), float("inf")


class Odd:
    def __repr__(self) -> str:
        raise RuntimeError("nobody can look at it")


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (given.text, ["", "a", "磁"], [None, 5, b"a", ["a"], Odd()]),
        (given.text_or_none, [None, "a"], [5, b"a", Odd()]),
        (given.whole, [0, -1, 10**400], [None, "1", 1.0, True, NAN, Odd()]),
        (given.number, [0, -1.5, Fraction(1, 2), INF], [None, "1", True, NAN, 1j, Odd()]),
        (given.seconds, [0, 2.5, INF, -INF, 10**400], [None, "x", b"1", [], True, NAN, Odd()]),
        (given.flag, [True, False], [None, 0, 1, "yes", Odd()]),
        (given.path, ["a", "", Path("a")], [None, 5, b"a", ["a"], Odd()]),
        (given.mapping, [{}, {"verb": 5}], [None, 5, "verb", ["verb"], {1: 2}, Odd()]),
        (lambda name, value: given.instance(name, value, Config), [Config()], [None, {}, "x", Config, Odd()]),
    ],
)
def test_what_is_of_another_type_is_refused_by_name(
    check: Callable[[str, Any], Any], right: list[Any], wrong: list[Any]
) -> None:
    for value in right:
        check("that", value)
    for value in wrong:
        with pytest.raises(BadInput, match=r"^that=.* cannot be used: it must be .*, not of type ") as refused:
            check("that", value)
        assert refused.value.hint.endswith("as that; nothing was done") and len(refused.value.message) < 300


def test_a_span_is_neither_negative_nor_longer_than_a_year() -> None:
    spans = [given.seconds("s", value) for value in (-1, 0, 2.5, INF, 10**400)]
    assert spans == [0.0, 0.0, 2.5, given.LONGEST_S, given.LONGEST_S]
    assert {type(span) for span in spans} == {float}

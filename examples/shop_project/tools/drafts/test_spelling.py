from __future__ import annotations

import pytest
from shop.spelling import corrected, distance

KNOWN = {"kettle", "honey", "tea", "sugar"}


@pytest.mark.parametrize(
    "left, right, edits",
    [("tea", "tea", 0), ("tea", "teas", 1), ("ketle", "kettle", 1), ("honey", "money", 1), ("", "tea", 3)],
)
def test_distance_is_the_same_both_ways(left, right, edits):
    assert distance(left, right) == distance(right, left) == edits


def test_a_slip_of_the_finger_is_mended():
    assert corrected("ketle and hony", KNOWN) == ["kettle", "and", "honey"]


def test_short_words_are_left_alone():
    assert corrected("te", KNOWN) == ["te"]


def test_known_words_stay():
    assert corrected("Tea, SUGAR", KNOWN) == ["tea", "sugar"]

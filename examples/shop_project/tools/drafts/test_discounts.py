from __future__ import annotations

import pytest
from shop.discounts import discount_cents, percent_off


@pytest.mark.parametrize("units, percent", [(1, 0), (4, 0), (5, 5), (9, 5), (10, 10), (50, 15), (5000, 15)])
def test_steps(units, percent):
    assert percent_off(units) == percent


@pytest.mark.parametrize(
    "price_cents, units, cents",
    [(450, 1, 0), (100, 5, 25), (10, 5, 3), (50, 5, 13), (30, 5, 8), (3999, 50, 29993)],
)
def test_half_a_cent_is_rounded_up(price_cents, units, cents):
    assert discount_cents(price_cents, units) == cents

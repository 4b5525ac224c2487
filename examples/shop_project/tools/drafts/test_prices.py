from __future__ import annotations

import pytest
from shop.prices import format_price, parse_price


@pytest.mark.parametrize("text, cents", [("12", 1200), ("12.50", 1250), ("0,05", 5), (" 7.00 ", 700)])
def test_a_price_is_read(text, cents):
    assert parse_price(text) == cents


@pytest.mark.parametrize("text", ["", "12.5", "-1", "1,234.50", "free", "1e3"])
def test_what_is_no_price_is_refused(text):
    with pytest.raises(ValueError, match="is no price"):
        parse_price(text)


@pytest.mark.parametrize("cents, text", [(0, "0.00"), (5, "0.05"), (123450, "1,234.50"), (-250, "-2.50")])
def test_a_price_is_written(cents, text):
    assert format_price(cents) == text

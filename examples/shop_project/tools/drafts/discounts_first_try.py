"""Less to pay for many of one thing."""

from __future__ import annotations

# From so many units on, so many percent off.
STEPS = ((5, 5), (10, 10), (50, 15))


def percent_off(units: int) -> int:
    """The discount of the highest step that is reached."""
    return max((percent for least, percent in STEPS if units >= least), default=0)


def discount_cents(price_cents: int, units: int) -> int:
    """What is taken off the price of all units together, in cents."""
    return round(price_cents * units * percent_off(units) / 100)

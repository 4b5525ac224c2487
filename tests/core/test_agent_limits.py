"""Limits of agents: which errors tell of one, and when it ends, in all the words that programs have for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aidos_actors.core.agents.dialects import says_limit
from aidos_actors.core.agents.reset_times import reset_moment

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC).timestamp()
BERLIN = ZoneInfo("Europe/Berlin")


def at(*when: int, zone: ZoneInfo | None = None) -> float:
    return datetime(*when, tzinfo=zone or UTC).timestamp()  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Claude AI usage limit reached|1795878000", 1795878000.0),
        ("You've hit your limit \u00b7 resets 3pm (Europe/Berlin)", at(2026, 11, 28, 15, zone=BERLIN)),
        ("You've hit your limit \u00b7 resets 12pm (Europe/Berlin)", at(2026, 11, 29, 12, zone=BERLIN)),
        ("You've hit your limit \u00b7 resets Dec 3 at 4:30pm (UTC)", at(2026, 12, 3, 16, 30)),
        ("You've hit your limit \u00b7 resets Dec 18, 11:30am (Nowhere/Land)", at(2026, 12, 18, 11, 30)),
        ("5-hour limit reached \u2219 resets 1:30am", at(2026, 11, 29, 1, 30)),
        ("or try again at Nov 30th, 2026 10:03 PM.", at(2026, 11, 30, 22, 3)),
        ("try again at 3:28 PM.", at(2026, 11, 28, 15, 28)),
        ("try again in 3 days 4 hours 5 minutes.", NOW + 3 * 86400 + 4 * 3600 + 300),
        ("Please try again in 6.034s. Visit https://x.invalid", NOW + 6.034),
        ("RateLimitError: retry after 30 seconds", NOW + 30),
        ('{"resets_at":1795878000,"resets_in_seconds":9}', 1795878000.0),
        ("limit, until 2026-11-28T13:00:00Z", NOW + 3600),
        ("resets Jan 2 at 9am", at(2027, 1, 2, 9)),
        ("resets at 11:31am", at(2026, 11, 28, 11, 31)),
        ("resets at 11:29am", at(2026, 11, 29, 11, 29)),
        ("try again in 900 days", None),
        ("resets Feb 31 at 4pm", None),
        ("the limit was reached", None),
        ("resets 99:99 PM, again at 25:00", None),
    ],
)
def test_the_end_of_a_limit(text: str, moment: float | None) -> None:
    assert reset_moment(text, NOW, UTC) == moment


@given(st.text(max_size=200), st.sampled_from(["resets ", "try again at ", "try again in ", "|17", "until 20"]))
def test_no_text_makes_it_fail_or_name_a_moment_that_cannot_be_meant(text: str, before: str) -> None:
    moment = reset_moment(before + text, NOW, UTC)
    assert moment is None or abs(moment - NOW) <= timedelta(days=40).total_seconds()


@pytest.mark.parametrize(
    ("error", "is_limit"),
    [
        ("API Error: 429 {...}", True),
        ("status code 429", True),
        ("expected 200, got 429 in test_limits", False),
        ("line 429: syntax error", False),
        ("This request would exceed your account's rate limit. Please try again later.", True),
        ("Credit balance is too low", True),
        ("You're out of extra usage", True),
    ],
)
def test_which_errors_are_about_a_limit(error: str, is_limit: bool) -> None:
    assert says_limit(error) is is_limit

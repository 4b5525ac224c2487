"""When the guardian starts a system anew, decided without clock or process.

A system that ended by its own decision stays ended, unless it must never give up. One whose process was killed or froze
comes back: at once, the next times after 0.1 s, doubling to 5 s, reset after 30 s of calm. More than 10 times in 60 s
is the limit; a guardian that must never give up slows down instead, to at most one try in 60 s.
"""

from __future__ import annotations

from msgspec import Struct

LIMIT = 10
WITHIN_S = 60.0
FIRST_DELAY_S = 0.1
DELAY_MAX_S = 5.0
SLOW_DELAY_MAX_S = 60.0
CALM_S = 30.0
HEAD_START_S = 0.25
"""A launcher that is not forked but exec'ed spends about this long on its imports, and a guardian with its template
longer. They may do that while the delay still runs."""


class Revivals(Struct, frozen=True):
    """The restarts that still count (``moments``, monotonic seconds) and how many came without calm between."""

    moments: tuple[float, ...] = ()
    streak: int = 0


class Verdict(Struct, frozen=True):
    """``delay_s`` None: give up. Else no system starts before it is over. ``is_slowed``: over the limit, and goes on
    only because it must never give up."""

    revivals: Revivals
    delay_s: float | None
    is_slowed: bool = False


def is_final(word: str, *, was_up: bool, never_give_up: bool, was_killed: bool = False) -> bool:
    """Whether a system that said ``word`` (ended, start_failed, unfit) before it was gone stays gone. One that was up
    before and only failed to come up again was hit a second time while it was brought back: no decision of its own. Nor
    is it one when the first start failed because somebody killed a process of it (``was_killed``)."""
    if word == "start_failed":
        return not (was_up or (never_give_up and was_killed))
    return word == "unfit" or not (was_up and never_give_up)


def revive(before: Revivals, *, up_since: float | None, now: float, never_give_up: bool) -> Verdict:
    """What follows when a system that was up since ``up_since`` (None: never came up) has died at ``now``."""
    calm = up_since is not None and now - up_since >= CALM_S
    streak = 0 if calm else before.streak
    moments = (*(at for at in before.moments if now - at <= WITHIN_S), now)
    revivals = Revivals(moments, streak + 1)
    over = len(moments) > LIMIT
    if over and not never_give_up:
        return Verdict(revivals, None)
    cap_s = SLOW_DELAY_MAX_S if over else DELAY_MAX_S
    delay_s: float = min(cap_s, FIRST_DELAY_S * 2.0 ** min(streak - 1, 20)) if streak else 0.0
    return Verdict(revivals, cap_s if over else delay_s, is_slowed=over)


def alarm_of(why: str) -> str:
    """What is told when a system that must never give up is slowed down."""
    limit = f"more than {LIMIT} ends in {WITHIN_S:g} s"
    return f"P0: {limit}, last: {why}; from now on one start in {SLOW_DELAY_MAX_S:g} s until it stays up"

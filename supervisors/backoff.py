"""How long to wait before a restart. Pure: chance is an argument.

The wait is drawn between nothing and a ceiling that doubles ("full jitter"), so that many children that fell together
do not come back together. The ceiling is small again after calm *and* work: a child that idles for an hour and dies of
its first message, again and again, has been calm but is no better.
"""

from __future__ import annotations

from supervisors.specs import Backoff

EXPONENT_MAX = 60


def ceiling_s(backoff: Backoff, tries: int) -> float:
    """The longest wait, in seconds, after ``tries`` restarts without calm and work between.

    >>> [ceiling_s(Backoff(initial_s=0.5, factor=2, max_s=3), tries) for tries in range(4)]
    [0.5, 1.0, 2.0, 3.0]
    """
    if not backoff.initial_s:
        return 0.0
    return min(backoff.max_s, backoff.initial_s * backoff.factor ** min(tries, EXPONENT_MAX))


def restart_delay_s(backoff: Backoff, tries: int, fraction: float = 1.0) -> float:
    """Seconds before the next start: ``fraction``, drawn evenly from 0 to 1, of the ceiling."""
    return ceiling_s(backoff, tries) * min(1.0, max(0.0, fraction))


def tries_so_far(tries: int, *, was_calm: bool, has_worked: bool) -> int:
    """The restarts that the next wait counts: none when the ended process was calm for long enough and did work."""
    return 0 if was_calm and has_worked else tries

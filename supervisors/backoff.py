"""How long to wait before a restart. Pure; what varies it by chance is added by who carries it out."""

from __future__ import annotations

from supervisors.specs import Backoff

EXPONENT_MAX = 60


def restart_delay_s(backoff: Backoff, tries: int) -> float:
    """Seconds before the next start of a child that was restarted ``tries`` times without calm between.

    >>> [restart_delay_s(Backoff(initial_s=0.5, factor=2, max_s=3), tries) for tries in range(4)]
    [0.5, 1.0, 2.0, 3.0]
    """
    if not backoff.initial_s:
        return 0.0
    return min(backoff.max_s, backoff.initial_s * backoff.factor ** min(tries, EXPONENT_MAX))

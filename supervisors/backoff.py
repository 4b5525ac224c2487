"""How long to wait before a restart. Pure: chance is an argument.

The wait is drawn between nothing and a ceiling that doubles ("full jitter"), so that many children that fell together
do not come back together. The ceiling is small again after calm *and* work: a child that idles for an hour and dies of
its first message, again and again, has been calm but is no better.
"""

from __future__ import annotations

from dataclasses import dataclass

from supervisors.fields import number, refuse


@dataclass(frozen=True, slots=True)
class Backoff:
    """The wait before a restart: between nothing and a ceiling of ``initial_s`` seconds times ``factor`` to the power
    of the earlier restarts, at most ``max_s`` seconds, drawn evenly. Earlier restarts are forgotten when the child has
    lived for longer than its supervisor's ``within_s`` and has handled a message. ``initial_s=0`` is never a wait."""

    initial_s: float = 0.05
    factor: float = 2.0
    max_s: float = 30.0

    def __post_init__(self) -> None:
        number("backoff", "initial_s", self.initial_s, least=0)
        number("backoff", "factor", self.factor, least=1)
        number("backoff", "max_s", self.max_s, least=0)


NO_BACKOFF = Backoff(initial_s=0)


def check_backoff(what: str, name: str, value: object) -> None:
    """SupervisorError ``bad_spec`` unless ``value``, the field ``name`` of ``what``, is a Backoff."""
    if not isinstance(value, Backoff):
        raise refuse(what, name, value, "must be a Backoff")


def ceiling_s(backoff: Backoff, tries: int) -> float:
    """The longest wait, in seconds, after ``tries`` restarts without calm and work between.

    >>> [ceiling_s(Backoff(initial_s=0.5, factor=2, max_s=3), tries) for tries in range(4)]
    [0.5, 1.0, 2.0, 3.0]
    """
    if not backoff.initial_s:
        return 0.0
    try:
        grown_s = backoff.initial_s * float(backoff.factor) ** tries
    except OverflowError:
        return backoff.max_s
    return min(backoff.max_s, grown_s)


def restart_delay_s(backoff: Backoff, tries: int, fraction: float = 1.0) -> float:
    """Seconds before the next start: ``fraction``, drawn evenly from 0 to 1, of the ceiling."""
    return ceiling_s(backoff, tries) * min(1.0, max(0.0, fraction))


def tries_so_far(tries: int, *, was_calm: bool, has_worked: bool) -> int:
    """The restarts that the next wait counts: none when the ended process was calm for long enough and did work."""
    return 0 if was_calm and has_worked else tries

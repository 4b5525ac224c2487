"""What a guardian concludes from its looks at a running system: who is frozen, and whether there was progress. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

ANSWER_S = 1.0
PROOF_OF_LIFE = frozenset({"root", "admin"})
FEEDS_PER_WATCHDOG = 4.0
LOOK_EVERY_S = 1.0
SUSPECT_LOOK_S = 0.25
LATE_S = 0.5
WAKING_S = 10.0
"""So long after a guardian was held up, and no longer than it was, others may still be stopped as it was."""


class Suspect(Struct, frozen=True):
    """Asked for a sign of life at ``asked_at``, when it had been given a processor ``turns`` times (None: unknown)."""

    asked_at: float
    turns: int | None


class Suspicion(Struct, frozen=True):
    """``ask``: who is to be asked now; ``frozen``: who gave no sign of life in time."""

    suspects: Mapping[str, Suspect]
    ask: frozenset[str] = frozenset()
    frozen: frozenset[str] = frozenset()


def suspect(
    before: Mapping[str, Suspect], stopped: Mapping[str, int | None], answered: Collection[str], now: float
) -> Suspicion:
    """Frozen is who is seen stopped and gives no sign of life for ``ANSWER_S`` seconds after it was asked: one signal
    alone may be a debugger's, or a machine that cannot tell just now. ``stopped``: the turns of each one seen stopped;
    a turn taken is a sign of life as an answer is."""
    waiting = {
        name: since
        for name, since in before.items()
        if name in stopped and name not in answered and stopped[name] == since.turns
    }
    ask = frozenset(name for name in stopped if name not in waiting)
    frozen = frozenset(name for name, since in waiting.items() if now - since.asked_at >= ANSWER_S)
    return Suspicion({**waiting, **{name: Suspect(now, stopped[name]) for name in ask}}, ask, frozen)


def look_within_s(suspects: Mapping[str, Suspect], watchdog_s: float | None) -> float:
    """When to look next, at the latest: soon while somebody is suspected, so that a time in which the guardian itself
    does not run cannot be taken for one in which it waits for an answer."""
    spans = [LOOK_EVERY_S] if watchdog_s is None else [LOOK_EVERY_S, watchdog_s / FEEDS_PER_WATCHDOG]
    return min([*spans, SUSPECT_LOOK_S] if suspects else spans)


def held_up_s(due_at: float, now: float) -> float:
    """For how long a guardian that meant to look at ``due_at`` at the latest did not run, stopped as perhaps all were;
    0.0 when it is in time."""
    return now - due_at if now > due_at + LATE_S else 0.0


class Pulse(Struct, frozen=True):
    """``heard``: who has answered since the watchdog last heard of it; ``asked_at``: when all were last asked."""

    heard: frozenset[str] = field(default_factory=frozenset)
    asked_at: float = float("-inf")


def feed(before: Pulse, answered: Collection[str], watchdog_s: float, now: float) -> tuple[Pulse, bool, bool]:
    """The watchdog hears of a system whose root and admin have answered since it last did. The pulse from now on,
    whether to feed it, whether to ask for life."""
    heard = before.heard | frozenset(answered)
    is_fed = heard >= PROOF_OF_LIFE
    must_ask = now - before.asked_at >= watchdog_s / FEEDS_PER_WATCHDOG
    pulse = Pulse(frozenset() if is_fed else heard, before.asked_at)
    return (replace(pulse, asked_at=now) if must_ask else pulse), is_fed, must_ask

"""When a task that failed by itself is tried again, and whether: decided from its policy, never from a clock or a die.

The n-th retry waits ``delay x factor^(n-1)``, at most ``max``, less a part that chance takes away: of ``jitter`` 1 up
to all of it, so that tasks which failed together do not come back together. What went wrong may have a rule of its own:
one with ``retries`` counts the failures that it is about, and those are not counted by the task's own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

RETRIES_MAX = 1000
FACTOR_MAX = 100.0
CAUSES_MAX = 300
DELAY_MAX_S = 300.0
EXCEPTION = "exception:"
CAUSES = ("timeout", "stall", "verify", "loop", "unchanged")  # besides exit codes 1 to 255 and exceptions by name


class RetryRule(BaseModel):
    """What holds instead for one cause. ``retries`` 0 is never; None leaves what holds otherwise, and the counting, to
    the task."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retries: int | None = Field(default=None, ge=0, le=RETRIES_MAX)
    delay_s: float | None = Field(default=None, gt=0)


class RetryPolicy(BaseModel):
    """How long retries wait. ``delay_s`` None means the runtime's ``retry_delay_s``, ``max_s`` None five minutes (or
    the delay, should that be longer). ``on``: cause -> rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    delay_s: float | None = Field(default=None, gt=0)
    factor: float = Field(default=2.0, ge=1, le=FACTOR_MAX)
    max_s: float | None = Field(default=None, gt=0)
    jitter: float = Field(default=1.0, ge=0, le=1)
    on: Mapping[str, RetryRule] = Field(default_factory=dict, max_length=CAUSES_MAX)


DEFAULT = RetryPolicy()


def next_try_s(
    policy: RetryPolicy, *, retries: int, delay_s: float, failures: int, causes: Sequence[str], chance: float
) -> float | None:
    """Seconds until the next try after a failure of a task; None: it has failed for good.

    It is the ``failures``-th (1 or more) of those that are counted together (``counted_as``). ``retries`` and
    ``delay_s`` hold where the policy says nothing; ``causes`` tell what went wrong, the most precise first: the first
    one with a rule decides. ``chance`` is at least 0 and less than 1.
    """
    cause = _decides(policy, causes)
    rule = RetryRule() if cause is None else policy.on[cause]
    if failures > (retries if rule.retries is None else rule.retries):
        return None
    first_s = rule.delay_s or policy.delay_s or delay_s
    most_s = max(first_s, policy.max_s if policy.max_s is not None else DELAY_MAX_S)
    return grown(first_s, policy.factor, failures - 1, most_s) * (1.0 - policy.jitter * chance)


def counted_as(policy: RetryPolicy, causes: Sequence[str]) -> str | None:
    """The cause whose rule counts this failure, and no other; None: the task's own retries do."""
    cause = _decides(policy, causes)
    return None if cause is None or policy.on[cause].retries is None else cause


def counts_of(told: str | None) -> dict[str, int]:
    """Cause -> failures that its rule has counted, of ``TaskRecord.ruled_failures``."""
    return {} if told is None else dict(json.loads(told))


def told_counts(counts: Mapping[str, int]) -> str | None:
    """Equal counts give equal texts; none of any cause gives None."""
    return json.dumps(counts, sort_keys=True) if counts else None


def _decides(policy: RetryPolicy, causes: Sequence[str]) -> str | None:
    return next((cause for cause in causes if cause in policy.on), None)


def chance_of(requirement: str, task: str, attempt: int) -> float:
    """A number from 0 up to, not including, 1: the same for the same attempt, and like none of another's."""
    digest = hashlib.sha256(f"{requirement}/{task}/{attempt}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / (1 << 48)


def grown(first_s: float, factor: float, times: int, most_s: float) -> float:
    """``first_s x factor^times`` but never over ``most_s``; nor does it overflow after a thousand times."""
    if factor == 1.0 or first_s <= 0.0:
        return min(first_s, most_s)
    for _ in range(times):
        if first_s >= most_s:
            break
        first_s *= factor
    return min(first_s, most_s)

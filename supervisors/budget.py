"""The error budget of one operation, as a table. Pure: time and chance are arguments.

| level | succeeded | failed | failed too often | probe due | abandoned |
|---|---|---|---|---|---|
| well | well | well | degraded | well | well |
| degraded | well | degraded | degraded | probing | degraded |
| probing | well | degraded | degraded | probing | degraded |

*Failed too often* is ``degrade_after`` failures in a row. While degraded the operation is not begun, but for one probe
after a wait that doubles; a success brings it back by itself. ``restart_after`` failures in a row are spent: the
process that carries the operation is to be started anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from supervisors.backoff import Backoff, ceiling_s, check_backoff
from supervisors.fields import whole

RETRY = Backoff(initial_s=0.2, factor=2, max_s=5)
PROBE = Backoff(initial_s=1, factor=2, max_s=60)


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """Failures in a row of one operation after which a component degrades, and after which its process restarts.

    ``retry`` times the tries in place before it degrades, ``probe`` the single tries while it is degraded.
    """

    degrade_after: int = 3
    restart_after: int = 10
    retry: Backoff = RETRY
    probe: Backoff = PROBE

    def __post_init__(self) -> None:
        whole("error budget", "degrade_after", self.degrade_after, least=1)
        whole("error budget", "restart_after", self.restart_after, least=self.degrade_after)
        check_backoff("error budget", "retry", self.retry)
        check_backoff("error budget", "probe", self.probe)


class Level(StrEnum):
    """``PROBING``: degraded, and one try is under way."""

    WELL = "well"
    DEGRADED = "degraded"
    PROBING = "probing"


class Happening(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    FAILED_TOO_OFTEN = "failed too often"
    PROBE_DUE = "probe due"
    ABANDONED = "abandoned"


TABLE: dict[Level, dict[Happening, Level]] = {
    Level.WELL: {
        Happening.SUCCEEDED: Level.WELL,
        Happening.FAILED: Level.WELL,
        Happening.FAILED_TOO_OFTEN: Level.DEGRADED,
        Happening.PROBE_DUE: Level.WELL,
        Happening.ABANDONED: Level.WELL,
    },
    Level.DEGRADED: {
        Happening.SUCCEEDED: Level.WELL,
        Happening.FAILED: Level.DEGRADED,
        Happening.FAILED_TOO_OFTEN: Level.DEGRADED,
        Happening.PROBE_DUE: Level.PROBING,
        Happening.ABANDONED: Level.DEGRADED,
    },
    Level.PROBING: {
        Happening.SUCCEEDED: Level.WELL,
        Happening.FAILED: Level.DEGRADED,
        Happening.FAILED_TOO_OFTEN: Level.DEGRADED,
        Happening.PROBE_DUE: Level.PROBING,
        Happening.ABANDONED: Level.DEGRADED,
    },
}


class Account(Struct, frozen=True):
    """One operation. ``failures`` are those in a row, ``probe_at`` is in monotonic seconds."""

    level: Level = Level.WELL
    failures: int = 0
    probe_at: float = 0.0

    @property
    def is_well(self) -> bool:
        return self.level is Level.WELL


def succeeded(account: Account) -> Account:
    """All that was held against the operation is forgotten.

    >>> succeeded(Account(Level.PROBING, failures=7, probe_at=12.0))
    Account(level=<Level.WELL: 'well'>, failures=0, probe_at=0.0)
    """
    return Account(TABLE[account.level][Happening.SUCCEEDED])


def failed(budget: ErrorBudget, account: Account, *, now: float, fraction: float, at_once: bool = False) -> Account:
    """One more failure in a row. ``at_once``: it says by its kind that trying again soon is no use.

    The wait for the next probe is drawn from the upper half of its ceiling: a probe costs something.
    """
    failures = account.failures + 1
    too_often = at_once or failures >= budget.degrade_after
    level = TABLE[account.level][Happening.FAILED_TOO_OFTEN if too_often else Happening.FAILED]
    if level is Level.WELL:
        return replace(account, failures=failures)
    wait_s = ceiling_s(budget.probe, max(0, failures - budget.degrade_after)) * (0.5 + fraction / 2)
    return Account(level, failures, now + wait_s)


def may_begin(account: Account, now: float) -> tuple[Account, bool]:
    """Whether the operation may be begun now; a probe that is due is taken by asking, and given to one asker only."""
    if account.is_well:
        return account, True
    if account.level is Level.PROBING or now < account.probe_at:
        return account, False
    return replace(account, level=TABLE[account.level][Happening.PROBE_DUE]), True


def abandoned(account: Account) -> Account:
    """What was begun came to no outcome, through no fault of its own: nothing is held against it, and if it was a probe
    the next one is due at once.

    >>> abandoned(Account(Level.PROBING, failures=3, probe_at=12.0))
    Account(level=<Level.DEGRADED: 'degraded'>, failures=3, probe_at=12.0)
    """
    return replace(account, level=TABLE[account.level][Happening.ABANDONED])


def is_spent(budget: ErrorBudget, account: Account) -> bool:
    """So many failures in a row that the process should be started anew."""
    return account.failures >= budget.restart_after

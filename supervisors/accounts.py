"""The error budgets of one actor: which operations may be begun, when to try again, and what the world is told of it.

Waits are told, never slept: the actor times its next try with ``after``. While an operation is well the wait is
tenacity's, by its exponential strategy; once degraded it is that of the probe.
"""

from __future__ import annotations

from collections.abc import Callable

from supervisors import budget as rules
from supervisors.backoff import Backoff
from supervisors.budget import Account, ErrorBudget
from supervisors.errors import ExitReason
from supervisors.grades import Policy, Treatments
from supervisors.ports import System

OPERATIONS_MAX = 1000
ERROR_CHARS_MAX = 300


def wait_in_place_s(retry: Backoff, failures: int) -> float:
    """Seconds before the next try after ``failures`` in a row. tenacity is imported when something has failed, so that
    processes in which nothing fails do without it."""
    from tenacity import RetryCallState, Retrying, wait_exponential

    wait = wait_exponential(multiplier=retry.initial_s, exp_base=retry.factor, max=retry.max_s)
    state = RetryCallState(retry_object=Retrying(wait=wait), fn=None, args=(), kwargs={})
    state.attempt_number = failures
    return float(wait(state))


class Accounts:
    """``tell`` gets the reason at each change of it; empty: well again."""

    def __init__(self, system: System, tell: Callable[[str], None]) -> None:
        self._system = system
        self._tell = tell
        self._accounts: dict[str, Account] = {}
        self._errors: dict[str, str] = {}
        self._own_word = self._health = ""
        self._told = ""

    @property
    def reason(self) -> str:
        """Why this actor works with less than its full ability; empty when it is well."""
        ill = (f"{name}: {self._errors[name]}" for name, account in self._accounts.items() if not account.is_well)
        return "; ".join(each for each in (self._own_word, self._health, *ill) if each)

    def say(self, reason: str) -> None:
        """The actor's own word, besides that of its budgets."""
        self._own_word = (reason or "")[:ERROR_CHARS_MAX]
        self._publish()

    def ask_health(self, health: Callable[[], object]) -> None:
        """What ``health()`` says counts from now on, besides the own word; so does that it fails to say anything."""
        try:
            said = health()
            if said is not None and not isinstance(said, str):
                raise TypeError(f"{type(said).__name__} is neither a text nor None")
        except (Exception, SystemExit) as error:
            said = f"health: {type(error).__name__}: {error}"
        word = " ".join((said or "").split())[:ERROR_CHARS_MAX]
        if word != self._health:
            self._health = word
            self._publish()

    def may_begin(self, operation: str) -> bool:
        """Whether the operation may be begun now. One that is degraded may, once, when its probe is due."""
        account, allowed = rules.may_begin(self._accounts.get(operation, Account()), self._system.now())
        if not account.is_well:
            self._accounts[operation] = account
        return allowed

    def succeeded(self, operation: str) -> None:
        if self._accounts.pop(operation, None) is not None:
            self._errors.pop(operation, None)
            self._publish()

    def abandoned(self, operation: str) -> None:
        if operation in self._accounts:
            self._accounts[operation] = rules.abandoned(self._accounts[operation])

    def failed(
        self, budget: ErrorBudget, treatments: Treatments, operation: str, error: BaseException, may_restart: bool
    ) -> tuple[float | None, ExitReason | None]:
        """(seconds to the next try, None when it should be given up; why the process must end, if it must).

        Raises ``error`` itself where its type's policy is to crash.
        """
        policy = treatments.of(error).policy
        if policy is Policy.CRASH:
            raise error
        if policy is Policy.GIVE_UP:
            return None, None
        if operation not in self._accounts and len(self._accounts) >= OPERATIONS_MAX:
            raise RuntimeError(f"{self._system.path}: more than {OPERATIONS_MAX} operations fail") from error
        now, at_once = self._system.now(), policy is Policy.DEGRADE
        before = self._accounts.get(operation, Account())
        account = rules.failed(budget, before, now=now, fraction=self._system.entropy.fraction(), at_once=at_once)
        self._accounts[operation] = account
        self._errors[operation] = " ".join(f"{type(error).__name__}: {error}".split())[:ERROR_CHARS_MAX]
        self._publish()
        if may_restart and not at_once and rules.is_spent(budget, account):
            text = f"error budget spent: {operation} failed {account.failures} times in a row"
            return 0.0, ExitReason("abnormal", f"{text}; {self._errors[operation]}")
        wait_s = wait_in_place_s(budget.retry, account.failures) if account.is_well else account.probe_at - now
        return wait_s, None

    def _publish(self) -> None:
        reason = self.reason
        if reason != self._told:
            self._told = reason
            self._system.degrade(reason)
            self._tell(reason)

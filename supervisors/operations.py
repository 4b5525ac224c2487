"""What an actor says about operations that may fail without ending its process; each name has a budget of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from supervisors.budget import ErrorBudget
from supervisors.grades import Treatments

if TYPE_CHECKING:
    from supervisors.actor_shell import ActorShell


class Operations:
    """Part of ``ManagedActor``. ``error_budget`` and ``treatments`` (what each type of error calls for) are to be
    overridden by classes that need others."""

    _shell: ActorShell
    error_budget: ClassVar[ErrorBudget] = ErrorBudget()
    treatments: ClassVar[Treatments] = Treatments()

    @property
    def degraded(self) -> str:
        """Why this actor works with less than its full ability; empty when it is well."""
        return self._shell.accounts.reason

    def degrade(self, reason: str) -> None:
        """``tree`` shows from now on why this actor works with less than its full ability; empty: it is well again."""
        self._shell.accounts.say(reason)

    def attempt(self, operation: str) -> bool:
        """Whether ``operation`` may be begun now: always while it is well; while it is degraded only as its probe,
        which must end in ``succeeded``, ``failed`` or ``abandoned``."""
        return self._shell.accounts.may_begin(operation)

    def succeeded(self, operation: str) -> None:
        """Nothing is held against ``operation`` any more."""
        self._shell.accounts.succeeded(operation)

    def abandoned(self, operation: str) -> None:
        """``operation`` was ended before it came to anything; that says nothing of it."""
        self._shell.accounts.abandoned(operation)

    def failed(self, operation: str, error: BaseException, *, may_restart: bool = True) -> float | None:
        """The failure counts against the budget of ``operation``. Seconds after which to try again (with ``after``, and
        ``attempt`` before); None when the error's type says that trying again is no use.

        When the budget is spent this process ends after the handler, unless ``may_restart`` says that it would cost
        others too much now. Raises ``error`` where its type's policy is to crash.
        """
        accounts = self._shell.accounts
        again_s, end = accounts.failed(self.error_budget, self.treatments, operation, error, may_restart)
        self._shell.crashing = self._shell.crashing or end
        return again_s

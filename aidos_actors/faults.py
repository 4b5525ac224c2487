"""What each type of error calls for in AIDOS: one table, read by the actors and printed in ``docs/failure-levels.md``.

It holds for operations: what is done beside the mailbox and reported with ``self.failed``. An error that is raised out
of a handler ends the process whatever its type, and the next one restores what is on disk.
"""

from __future__ import annotations

from aidos_actors.core.errors import AidosError, Fenced, IllegalTransition, TryAgain, Unfit
from aidos_actors.gitops.git import GitFailed
from aidos_actors.ledger.errors import LedgerUnavailable
from supervisors.grades import Grade, Policy, Treatment, Treatments

TREATMENTS = Treatments(
    {
        LedgerUnavailable: Treatment(Grade.P0, True, Policy.DEGRADE),
        TryAgain: Treatment(Grade.P2, True, Policy.RETRY),
        GitFailed: Treatment(Grade.P1, True, Policy.RETRY),
        OSError: Treatment(Grade.P1, True, Policy.RETRY),
        AidosError: Treatment(Grade.P1, False, Policy.RETRY),
        Exception: Treatment(Grade.P1, False, Policy.RETRY),
        PermissionError: Treatment(Grade.P1, False, Policy.DEGRADE),
        Unfit: Treatment(Grade.P1, False, Policy.DEGRADE),
        IllegalTransition: Treatment(Grade.P0, False, Policy.CRASH),
        MemoryError: Treatment(Grade.P0, True, Policy.CRASH),
        Fenced: Treatment(Grade.P2, False, Policy.GIVE_UP),
    }
)

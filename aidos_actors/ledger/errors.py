"""What can go wrong with the ledger, by who must act. After any of them nothing of the refused write is visible."""

from __future__ import annotations

from pathlib import Path

from aidos_actors.core.errors import AidosError, TryAgain, Unfit


class LedgerUnavailable(TryAgain):
    """The disk is full, failing or busy. The write was rolled back; the same call may succeed once there is room."""

    code = "ledger_unavailable"


class LedgerDamaged(Unfit):
    """The file is no ledger, is broken inside, or is gone while its journal is not. Nothing is written to it."""

    code = "ledger_damaged"


def ledger_is_gone(path: Path) -> LedgerDamaged:
    """The ledger ``path`` is missing or empty, but its journal is not."""
    text = f"{path} is missing or empty, but the journal beside it is not: work would be lost"
    return LedgerDamaged(text, hint="put the file back from a copy; to begin anew, move the whole state directory away")


class LedgerRefused(AidosError):
    """The batch breaks a rule of the ledger (an orphan row, a value no column takes): our own mistake."""

    code = "ledger_refused"

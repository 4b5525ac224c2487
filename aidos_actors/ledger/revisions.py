"""The steps of the schema in order, and the names of the file they build and of the journal beside it. Imports nothing:
every start looks here."""

from __future__ import annotations

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
LEDGER_FILE, JOURNAL_FOLDER = "ledger.db", "journal"

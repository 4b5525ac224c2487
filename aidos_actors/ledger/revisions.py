"""The steps of the schema in order, and the name of the file they build. Imports nothing: every start looks here."""

from __future__ import annotations

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
LEDGER_FILE = "ledger.db"

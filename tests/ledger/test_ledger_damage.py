"""A ledger that is no database, has a broken page, belongs to somebody else, or is gone: it is said, and nothing is
written over it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from ledger_cases import NOON, a_task, execute, numbered

from aidos_actors.core.records import Batch
from aidos_actors.ledger.errors import LedgerDamaged
from aidos_actors.ledger.ledger import Ledger
from aidos_actors.ledger.lock import holder_of
from aidos_actors.ledger.reader import LedgerReader


def test_a_file_that_is_no_database_is_damage(state: Path) -> None:
    (state / "ledger.db").write_bytes(b"this is not a database " * 1000)
    for opened in (Ledger.open, Ledger.read_only):
        with pytest.raises(LedgerDamaged) as damaged:
            opened(state)
        assert damaged.value.exit_code == 78 and "begin anew" in damaged.value.hint
    assert holder_of(state) is None


def test_a_broken_page_is_damage_when_it_is_met(state: Path) -> None:
    ledger = Ledger.open(state)
    epoch = ledger.begin_epoch(NOON)
    ledger.apply(epoch, Batch(tasks=tuple(a_task(f"t{number}") for number in range(400))))
    ledger.close()
    path = state / "ledger.db"
    connection = sqlite3.connect(path)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tasks'").fetchone()
    connection.close()
    with path.open("rb+") as file:
        file.seek((root - 1) * 4096)
        file.write(os.urandom(4096))
    ledger = Ledger.open(state)
    with pytest.raises(LedgerDamaged):
        ledger.tasks("shop")
    with pytest.raises(LedgerDamaged):
        ledger.apply(epoch, numbered(400))
    assert ledger.last_seq() == len(ledger.events(limit=10_000))
    ledger.close()


def test_a_database_of_someone_else_is_left_alone(tmp_path: Path) -> None:
    execute(tmp_path, "CREATE TABLE invoices (id INTEGER)", "INSERT INTO invoices VALUES (7)")
    with pytest.raises(LedgerDamaged, match="no ledger: it holds invoices"):
        Ledger.open(tmp_path)
    connection = sqlite3.connect(tmp_path / "ledger.db")
    assert connection.execute("SELECT * FROM invoices").fetchall() == [(7,)]
    connection.close()


@pytest.mark.parametrize("loss", ["removed", "emptied"])
def test_a_lost_ledger_is_not_begun_anew_over_its_journal(state: Path, loss: str) -> None:
    journal = (state / "journal" / "2026-09-21.jsonl").read_bytes()
    (state / "ledger.db").unlink() if loss == "removed" else os.truncate(state / "ledger.db", 0)
    for _ in range(2):
        for reads in (Ledger.open, LedgerReader.read_only):
            with pytest.raises(LedgerDamaged, match="missing or empty"):
                reads(state)
    assert (state / "journal" / "2026-09-21.jsonl").read_bytes() == journal

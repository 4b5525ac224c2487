"""The ledger's own file: how it is opened and closed, who may read it, and what becomes of a commit that fails."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from ledger_cases import NOON, a_requirement, numbered

from aidos_actors.core.errors import Fenced
from aidos_actors.core.records import Batch
from aidos_actors.ledger import engine
from aidos_actors.ledger.errors import LedgerRefused, LedgerUnavailable
from aidos_actors.ledger.ledger import Ledger
from aidos_actors.ledger.lock import holder_of


def test_what_it_makes_is_for_its_user_only(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state"
    ledger = Ledger.open(state)
    ledger.begin_epoch(NOON)
    modes = {path.name: path.stat().st_mode & 0o777 for path in [state, *state.rglob("*")]}
    ledger.close()
    assert modes.pop("state") == modes.pop("journal") == 0o700
    assert set(modes) >= {"ledger.db", "ledger.db-wal", "ledger.lock", "2026-09-21.jsonl"}
    assert set(modes.values()) == {0o600}


def test_every_commit_is_synced_to_a_log_and_nothing_is_mapped(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    names = ["journal_mode", "synchronous", "mmap_size", "foreign_keys", "auto_vacuum", "busy_timeout"]
    settings = {name: ledger.rows(f"PRAGMA {name}")[0][0] for name in names}
    ledger.close()
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "mmap_size": 0,
        "foreign_keys": 1,
        "auto_vacuum": 2,
        "busy_timeout": 5000,
    }


def test_all_is_there_after_closing_and_opening(state: Path) -> None:
    ledger = Ledger.open(state)
    assert (ledger.epoch(), ledger.last_seq()) == (1, 4)
    assert ledger.requirements() == [a_requirement()]
    installation = ledger.installation
    assert ledger.begin_epoch(NOON) == 2
    ledger.close()
    ledger = Ledger.open(state)
    assert (ledger.installation, ledger.epoch()) == (installation, 2)
    ledger.close()


def test_a_closed_ledger_writes_nothing(state: Path) -> None:
    ledger = Ledger.open(state)
    ledger.close()
    ledger.close()
    with pytest.raises(Fenced):
        ledger.apply(1, numbered(2))
    assert holder_of(state) is None


def test_a_first_opening_that_fails_leaves_nothing_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_chance(_: int) -> str:
        raise OSError(5, "no randomness")

    with monkeypatch.context() as broken:
        broken.setattr("secrets.token_hex", no_chance)
        with pytest.raises(LedgerUnavailable):
            Ledger.open(tmp_path)
    connection = sqlite3.connect(tmp_path / "ledger.db")
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
    Ledger.open(tmp_path).close()


def test_a_ledger_locked_by_another_program_is_busy_and_then_works(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.05)
    ledger = Ledger.open(state)
    epoch = ledger.begin_epoch(NOON)
    meddler = sqlite3.connect(state / "ledger.db", isolation_level=None)
    meddler.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailable, match="stayed locked") as busy:
        ledger.apply(epoch, numbered(2))
    assert busy.value.exit_code == 75
    meddler.execute("ROLLBACK")
    meddler.close()
    assert ledger.apply(epoch, Batch()) == 5
    ledger.close()


def test_a_commit_that_fails_is_rolled_back_and_the_next_one_works(state: Path) -> None:
    ledger = Ledger.open(state)
    with (
        pytest.raises(LedgerRefused, match="FOREIGN KEY"),
        engine.storage_errors(state),
        engine.transaction(ledger._driver) as driver,
    ):
        driver.execute("PRAGMA defer_foreign_keys = ON")  # looked at by COMMIT, which then fails
        driver.execute("UPDATE tasks SET requirement = 'nobody'")
    assert ledger.apply(1, numbered(2)) == 7
    assert [task.id for task in ledger.tasks("shop")] == ["t1", "t2"]
    ledger.close()


def test_a_state_directory_that_is_a_file_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(LedgerUnavailable, match="File exists"):
        Ledger.open(tmp_path / "state")

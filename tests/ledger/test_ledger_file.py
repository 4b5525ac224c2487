"""The ledger's own file: how it is opened, its schema, and what is done about damage."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from ledger_cases import NOON, Child, a_requirement, a_task, numbered
from msgspec.structs import fields
from sqlalchemy import create_engine, text

from aidos_actors.core.errors import Fenced, Unfit
from aidos_actors.core.records import Batch, JournalEvent
from aidos_actors.ledger import engine, migrate, schema
from aidos_actors.ledger.errors import LedgerDamaged, LedgerRefused, LedgerUnavailable
from aidos_actors.ledger.ledger import Ledger
from aidos_actors.ledger.lock import holder_of
from aidos_actors.ledger.revisions import REVISIONS
from aidos_actors.ledger.rows import ATTEMPTS, REQUIREMENTS, TASKS


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory whose ledger holds one batch and is closed."""
    with_ledger = tmp_path / "state"
    ledger = Ledger.open(with_ledger)
    ledger.apply(ledger.begin_epoch(NOON), numbered(1))
    ledger.close()
    return with_ledger


def execute(state: Path, *statements: str) -> None:
    connection = sqlite3.connect(state / "ledger.db", isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


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
    driver = ledger._connection.connection.driver_connection
    assert driver is not None
    names = ["journal_mode", "synchronous", "mmap_size", "foreign_keys", "auto_vacuum", "busy_timeout"]
    settings = {name: driver.execute(f"PRAGMA {name}").fetchone()[0] for name in names}
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


def test_the_migrations_build_the_schema_and_what_a_first_opening_makes() -> None:
    stored = []
    for build in (migrate._upgrade, migrate._make):
        with create_engine("sqlite://").begin() as connection:
            build(connection)
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, schema.metadata) == []
            assert migrate.stored_revision(connection) == REVISIONS[-1]
            rows = connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_master").all()
            stored.append(sorted("".join("".join(map(str, row)).split()) for row in rows))
    assert stored[0] == stored[1]


@pytest.mark.parametrize("shape", [REQUIREMENTS, TASKS, ATTEMPTS], ids=lambda shape: shape.table.name)
def test_columns_stand_as_the_fields_of_the_records(shape) -> None:
    assert shape.table.columns.keys() == [field.name for field in fields(shape.record_type)]


def test_columns_of_events_stand_as_the_fields_of_journal_events() -> None:
    assert schema.events.columns.keys() == [field.name for field in fields(JournalEvent)]


def test_opening_a_current_ledger_does_not_import_alembic(state: Path) -> None:
    with Child("imports", state) as child:
        assert child.line() == "False"


def test_a_first_opening_does_not_import_alembic(tmp_path: Path) -> None:
    with Child("imports", tmp_path) as child:
        assert child.line() == "False"


def test_a_newer_schema_is_refused_by_name(state: Path) -> None:
    execute(state, "UPDATE alembic_version SET version_num = '0999'")
    for opened in (Ledger.open, Ledger.read_only, lambda path: Ledger.open(path, migrate=True)):
        with pytest.raises(Unfit, match=rf"schema 0999.*{REVISIONS[-1]}") as refused:
            opened(state)
        assert refused.value.exit_code == 78 and refused.value.hint
    assert holder_of(state) is None


def test_an_older_schema_is_brought_up_only_when_asked(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations = tmp_path / "migrations"
    shutil.copytree(migrate.MIGRATIONS, migrations)
    (migrations / "versions" / "9999_more.py").write_text(
        f"import sqlalchemy as sa\nfrom alembic import op\nrevision = '9999'\ndown_revision = '{REVISIONS[-1]}'\n"
        "def upgrade():\n"
        "    with op.batch_alter_table('tasks') as tasks:\n"
        "        tasks.add_column(sa.Column('more', sa.Text))\n"
    )
    monkeypatch.setattr(migrate, "MIGRATIONS", migrations)
    monkeypatch.setattr(migrate, "REVISIONS", (*REVISIONS, "9999"))
    for opened in (Ledger.open, Ledger.read_only):
        with pytest.raises(Unfit, match=rf"schema {REVISIONS[-1]}.*schema 9999"):
            opened(state)
    ledger = Ledger.open(state, migrate=True)
    assert [task.id for task in ledger.tasks("shop")] == ["t1"]
    ledger.close()
    execute(state, "UPDATE tasks SET more = 'x'")
    Ledger.open(state).close()


def test_rows_of_the_first_schema_are_read_after_their_migration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as first:
        first.setattr(migrate, "REVISIONS", ("0001",))
        first.setattr(migrate, "_make", migrate._upgrade)
        Ledger.open(tmp_path).close()
    execute(
        tmp_path, "INSERT INTO requirements VALUES ('r','R','done','0','{}',1,0,NULL,NULL,NULL,0,0,NULL,NULL,NULL,NULL)"
    )
    execute(tmp_path, "INSERT INTO tasks VALUES ('r','a',0,'done',2,0,0,0,NULL,NULL,NULL,NULL,0,NULL,NULL)")
    with pytest.raises(Unfit):
        Ledger.open(tmp_path)
    ledger = Ledger.open(tmp_path, migrate=True)
    (task,) = ledger.tasks("r")
    assert (task.id, task.attempts, task.revised_after) == ("a", 2, None)
    ledger.close()


def test_a_ledger_of_the_first_schema_is_counted_when_it_is_brought_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as first:
        first.setattr(migrate, "REVISIONS", ("0001",))
        first.setattr(migrate, "_make", migrate._upgrade)
        Ledger.open(tmp_path).close()
    for name, state, started_at in (("ended", "failed", 1), ("unplanned", "cancelled", "NULL"), ("open", "running", 1)):
        known = f"('{name}', '', '{state}', '', '{{}}', 1, 1.0, {started_at})"
        columns = "(id, title, state, sha256, document, position, created_at, started_at)"
        execute(tmp_path, f"INSERT INTO requirements {columns} VALUES {known}")
    rows = ", ".join(f"('{name}', '{state}', 0, '{state}', 1, 0, 0, 0)" for name in ("ended", "open")
                     for state in ("done", "failed", "skipped"))  # fmt: skip
    columns = "(requirement, id, position, state, attempts, own_failures, infra_faults, conflicts)"
    execute(tmp_path, f"INSERT INTO tasks {columns} VALUES {rows}")
    ledger = Ledger.open(tmp_path, migrate=True)
    counts = {one.id: (one.tasks_done, one.tasks_total) for one in ledger.requirements()}
    assert counts == {"ended": (1, 3), "unplanned": (None, None), "open": (None, None)}
    listed = {one.id: (done, total) for one, done, total in ledger.overview()}
    assert listed == {"ended": (1, 3), "unplanned": (0, 0), "open": (1, 3)}
    ledger.close()


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
        with pytest.raises(LedgerDamaged, match="missing or empty"):
            Ledger.open(state)
    assert (state / "journal" / "2026-09-21.jsonl").read_bytes() == journal


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
        engine.transaction(ledger._connection) as connection,
    ):
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))  # looked at by COMMIT, which then fails
        connection.execute(text("UPDATE tasks SET requirement = 'nobody'"))
    assert ledger.apply(1, numbered(2)) == 7
    assert [task.id for task in ledger.tasks("shop")] == ["t1", "t2"]
    ledger.close()


def test_a_state_directory_that_is_a_file_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(LedgerUnavailable, match="File exists"):
        Ledger.open(tmp_path / "state")

"""The schema of the ledger: what builds it, and how one of another version is refused or brought up."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ledger_cases import Child, execute
from msgspec.structs import fields

from aidos_actors.core.errors import Unfit
from aidos_actors.core.records import JournalEvent
from aidos_actors.ledger import migrate, schema
from aidos_actors.ledger.errors import LedgerUnavailable
from aidos_actors.ledger.ledger import Ledger
from aidos_actors.ledger.lock import holder_of
from aidos_actors.ledger.revisions import REVISIONS
from aidos_actors.ledger.rows import ATTEMPTS, REQUIREMENTS, TASKS


def test_the_migrations_build_the_schema_and_what_a_first_opening_makes() -> None:
    stored = []
    for build in (migrate._upgrade, migrate._make):
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as driver:
            build(driver)
            assert migrate.stored_revision(driver) == REVISIONS[-1]
            rows = driver.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
            stored.append(sorted("".join("".join(map(str, row)).split()) for row in rows))
    assert stored[0] == stored[1]


@pytest.mark.parametrize("shape", [REQUIREMENTS, TASKS, ATTEMPTS], ids=lambda shape: shape.table.name)
def test_columns_stand_as_the_fields_of_the_records(shape) -> None:
    assert list(shape.table.columns) == [field.name for field in fields(shape.record_type)]


def test_columns_of_events_stand_as_the_fields_of_journal_events() -> None:
    assert list(schema.events.columns) == [field.name for field in fields(JournalEvent)]


def test_opening_a_current_ledger_imports_no_tool_of_migrations(state: Path) -> None:
    with Child("imports", state) as child:
        assert child.line() == "False"


def test_a_first_opening_imports_no_tool_of_migrations(tmp_path: Path) -> None:
    with Child("imports", tmp_path) as child:
        assert child.line() == "False"


def test_a_newer_schema_is_refused_by_name(state: Path) -> None:
    execute(state, "UPDATE alembic_version SET version_num = '0999'")
    for opened in (Ledger.open, Ledger.read_only, lambda path: Ledger.open(path, migrate=True)):
        with pytest.raises(Unfit, match=rf"schema 0999.*{REVISIONS[-1]}") as refused:
            opened(state)
        assert refused.value.exit_code == 78 and refused.value.hint
    assert holder_of(state) is None


def one_more_step(folder: Path, monkeypatch: pytest.MonkeyPatch, then: str = "") -> None:
    """The newest schema has a column more, and its step does ``then`` at its end."""
    migrations = folder / "migrations"
    shutil.copytree(migrate.MIGRATIONS, migrations)
    (migrations / "versions" / "9999_more.py").write_text(
        f"import sqlalchemy as sa\nfrom alembic import op\nrevision = '9999'\ndown_revision = '{REVISIONS[-1]}'\n"
        "def upgrade():\n"
        "    with op.batch_alter_table('tasks') as tasks:\n"
        "        tasks.add_column(sa.Column('more', sa.Text))\n"
        f"    {then}\n"
    )
    monkeypatch.setattr(migrate, "MIGRATIONS", migrations)
    monkeypatch.setattr(migrate, "REVISIONS", (*REVISIONS, "9999"))


def test_a_step_that_fails_changes_nothing(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        one_more_step(tmp_path, patch, then="raise OSError(28, 'no space')")
        with pytest.raises(LedgerUnavailable, match="no space"):
            Ledger.open(state, migrate=True)
    ledger = Ledger.open(state)
    assert [task.id for task in ledger.tasks("shop")] == ["t1"]
    ledger.close()


def test_an_older_schema_is_brought_up_only_when_asked(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_more_step(tmp_path, monkeypatch)
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

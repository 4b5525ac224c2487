"""A ledger of another schema is migrated when somebody starts the system, and refused when only a relaunch does."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from aidos_actors.core.errors import Unfit
from aidos_actors.ledger import admission, migrate
from aidos_actors.ledger.admission import admit
from aidos_actors.ledger.ledger import Ledger
from aidos_actors.ledger.revisions import LEDGER_FILE, REVISIONS


def revision(state: Path) -> str:
    connection = sqlite3.connect(state / LEDGER_FILE)
    try:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    finally:
        connection.close()


def test_nothing_to_object_to(tmp_path: Path) -> None:
    admit(False, str(tmp_path))
    assert not list(tmp_path.iterdir()), "looking makes nothing"
    Ledger.open(tmp_path).close()
    admit(False, str(tmp_path))


def test_a_newer_installed_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, migrations = tmp_path / "state", tmp_path / "migrations"
    Ledger.open(state).close()
    shutil.copytree(migrate.MIGRATIONS, migrations)
    (migrations / "versions" / "9999_more.py").write_text(
        f"from alembic import op\nrevision = '9999'\ndown_revision = {REVISIONS[-1]!r}\n"
        "def upgrade():\n    op.execute('CREATE TABLE more (x INTEGER)')\n"
    )
    monkeypatch.setattr(migrate, "MIGRATIONS", migrations)
    before = revision(state)
    for module in (migrate, admission):
        monkeypatch.setattr(module, "REVISIONS", (*REVISIONS, "9999"))
    with pytest.raises(Unfit, match=rf"schema {before}.*9999"):
        admit(False, str(state))
    assert revision(state) == before, "a relaunch migrates nothing"
    admit(True, str(state))
    assert revision(state) == "9999"
    admit(False, str(state))

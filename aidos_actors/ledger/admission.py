"""Before a system starts: does the ledger fit the installed version? SQLite alone looks: every start pays for it."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import quote

from aidos_actors.core.errors import Unfit
from aidos_actors.ledger.revisions import LEDGER_FILE, REVISIONS


def admit(attended: bool, state_dir: str) -> None:
    """The ledger has the schema of the installed version, or there is none yet. An older one is migrated when
    ``attended``; a relaunch nobody asked for migrates nothing. ``Unfit`` else."""
    stored = _stored_revision(Path(state_dir) / LEDGER_FILE)
    if stored is None or stored == REVISIONS[-1]:
        return
    if not attended:
        raise Unfit(
            f"the ledger has schema {stored}, the version installed meanwhile needs {REVISIONS[-1]}; "
            "a relaunch does not migrate it",
            hint="`run` or `serve`, started anew by hand or by a service manager, does",
        )
    from aidos_actors.ledger.ledger import Ledger

    Ledger.open(Path(state_dir), what_for="migration", migrate=True).close()


def _stored_revision(path: Path) -> str | None:
    """None when there is none, or it cannot be read: the ledger's owner will say why."""
    try:
        uri = f"file:{quote(str(path.absolute()))}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        return None
    return str(row[0]) if row else None

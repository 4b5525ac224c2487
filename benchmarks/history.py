"""A ledger with a long history, made in moments: really finished requirements, their rows copied under other names.

It knows no column by name but the ids: which tables and columns there are, the file says. The journal is not copied; it
may be shorter than the history at any time.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from measured_system import WORKERS, noops

from aidos_actors import Runtime

EACH = 100
LEDGER = "ledger.db"
COPY = """
WITH RECURSIVE copy(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < {copies})
INSERT INTO {table} ({names}) SELECT {values} FROM {table}, copy WHERE {key} = 'past'
"""


def make_history(state_dir: Path, tasks: int) -> int:
    """``state_dir``, which nobody runs on, holds at least so many finished tasks; how many they are."""
    each = min(EACH, tasks)
    with Runtime(state_dir=state_dir, workers=WORKERS) as runtime:
        runtime.submit(noops("past", each))
        runtime.wait("past", 600.0)
    copies = -(-tasks // each) - 1
    if copies:
        with closing(sqlite3.connect(state_dir / LEDGER)) as connection, connection:
            names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in sorted(names, key=lambda name: name != "requirements"):
                _multiply(connection, table, copies)
    return each * (copies + 1)


def _multiply(connection: sqlite3.Connection, table: str, copies: int) -> None:
    names = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
    key = "id" if table == "requirements" else "requirement"
    if key not in names or table == "events":
        return
    values = {key: f"{key} || '-' || copy.n"}
    if table == "requirements":
        values["position"] = "position + copy.n"
    columns, chosen = (", ".join(f'"{name}"' for name in names), ", ".join(values.get(n, f'"{n}"') for n in names))
    connection.execute(COPY.format(copies=copies, table=table, names=columns, values=chosen, key=key))

"""The tables, in SQLite's words. Columns stand as the fields do in ``core/records.py``.

A change here needs a new step in ``migrations/versions`` and its name at the end of ``revisions.REVISIONS``.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

from msgspec import Struct

STATEMENTS = (
    """CREATE TABLE meta (
        "key" VARCHAR(64) NOT NULL,
        value TEXT NOT NULL,
        CONSTRAINT pk_meta PRIMARY KEY ("key")
    )""",
    """CREATE TABLE requirements (
        id VARCHAR(64) NOT NULL,
        title TEXT NOT NULL,
        state VARCHAR(32) NOT NULL,
        sha256 VARCHAR(64) NOT NULL,
        document TEXT NOT NULL,
        position INTEGER NOT NULL,
        created_at DOUBLE NOT NULL,
        repo TEXT,
        target TEXT,
        base_commit VARCHAR(64),
        started_at DOUBLE,
        finished_at DOUBLE,
        deadline_at DOUBLE,
        "commit" VARCHAR(64),
        error TEXT,
        bumped_at DOUBLE,
        tasks_done INTEGER,
        tasks_total INTEGER,
        replans INTEGER,
        CONSTRAINT pk_requirements PRIMARY KEY (id)
    )""",
    "CREATE INDEX ix_requirements_state ON requirements (state)",
    "CREATE INDEX ix_requirements_position ON requirements (position)",
    """CREATE TABLE tasks (
        requirement VARCHAR(64) NOT NULL,
        id VARCHAR(64) NOT NULL,
        position INTEGER NOT NULL,
        state VARCHAR(32) NOT NULL,
        attempts INTEGER NOT NULL,
        own_failures INTEGER NOT NULL,
        infra_faults INTEGER NOT NULL,
        conflicts INTEGER NOT NULL,
        not_before_at DOUBLE,
        "commit" VARCHAR(64),
        error TEXT,
        result TEXT,
        finished_at DOUBLE,
        paused_at DOUBLE,
        bumped_at DOUBLE,
        revised_after INTEGER,
        ruled_failures TEXT,
        agents TEXT,
        CONSTRAINT pk_tasks PRIMARY KEY (requirement, id),
        CONSTRAINT fk_tasks_requirement FOREIGN KEY(requirement) REFERENCES requirements (id)
    )""",
    """CREATE TABLE attempts (
        requirement VARCHAR(64) NOT NULL,
        task VARCHAR(64) NOT NULL,
        number INTEGER NOT NULL,
        state VARCHAR(32) NOT NULL,
        epoch BIGINT NOT NULL,
        leased_at DOUBLE NOT NULL,
        worker TEXT NOT NULL,
        worker_generation TEXT NOT NULL,
        worktree TEXT,
        base_commit VARCHAR(64),
        minder_pid BIGINT,
        minder_started BIGINT,
        started_at DOUBLE,
        ended_at DOUBLE,
        exit_code INTEGER,
        error TEXT,
        agent VARCHAR(64),
        kept_at DOUBLE,
        CONSTRAINT pk_attempts PRIMARY KEY (requirement, task, number),
        CONSTRAINT fk_attempts_task FOREIGN KEY(requirement, task) REFERENCES tasks (requirement, id)
    )""",
    """CREATE TABLE agents (
        name VARCHAR(64) NOT NULL,
        until_at DOUBLE,
        reason VARCHAR(32),
        error TEXT,
        waits INTEGER NOT NULL,
        CONSTRAINT pk_agents PRIMARY KEY (name)
    )""",
    """CREATE TABLE call_batches (
        requirement VARCHAR(64) NOT NULL,
        task VARCHAR(64) NOT NULL,
        number INTEGER NOT NULL,
        epoch BIGINT NOT NULL,
        leased_at DOUBLE NOT NULL,
        worker TEXT NOT NULL,
        worker_generation TEXT NOT NULL,
        members TEXT NOT NULL,
        CONSTRAINT pk_call_batches PRIMARY KEY (requirement, task, number),
        CONSTRAINT fk_call_batches_requirement FOREIGN KEY(requirement) REFERENCES requirements (id)
    )""",
    # No foreign keys: the journal outlives what it tells of. SQLite makes only an INTEGER the key of the file itself.
    """CREATE TABLE events (
        seq INTEGER NOT NULL,
        at DOUBLE NOT NULL,
        type VARCHAR(64) NOT NULL,
        requirement VARCHAR(64),
        task VARCHAR(64),
        attempt INTEGER,
        epoch BIGINT NOT NULL,
        data TEXT NOT NULL,
        CONSTRAINT pk_events PRIMARY KEY (seq)
    )""",
    "CREATE INDEX ix_events_requirement ON events (requirement, seq)",
)


class Table(Struct, frozen=True, eq=False):
    """A table as SQLite reads it: its columns in order, those of its key, the places of free texts, and how many
    columns there are up to the last that is never NULL."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    texts: tuple[int, ...]
    width_min: int

    def select(self, rest: str) -> str:
        """All columns of the rows that ``rest`` speaks of: what follows the table's name."""
        columns = ", ".join(f'{self.name}."{each}"' for each in self.columns)
        return f"SELECT {columns} FROM {self.name} {rest}"

    def insert(self, width: int | None = None) -> str:
        """Takes values of the first ``width`` columns, of all unless it is given; the others are NULL."""
        given = self.columns[:width]
        return f"INSERT INTO {self.name} ({_listed(given)}) VALUES ({', '.join('?' * len(given))})"

    def upsert(self, width: int, kept: str = "") -> str:
        """Like ``insert``, but a row of the same key becomes this one. Its column ``kept`` stays as it is where the new
        value is the empty text."""
        changed = ", ".join(f'"{each}" = {self._new(each, kept)}' for each in self.columns if each not in self.key)
        return f"{self.insert(width)} ON CONFLICT ({_listed(self.key)}) DO UPDATE SET {changed}"

    def _new(self, column: str, kept: str) -> str:
        new, old = f'excluded."{column}"', f'{self.name}."{column}"'
        return f"CASE {new} WHEN '' THEN {old} ELSE {new} END" if column == kept else new

    def delete(self) -> str:
        """Takes the values of a key."""
        is_it = " AND ".join(f'"{each}" = ?' for each in self.key)
        return f"DELETE FROM {self.name} WHERE {is_it}"


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{each}"' for each in columns)


def _read(database: sqlite3.Connection, name: str) -> Table:
    found = database.execute(f"PRAGMA table_info({name})").fetchall()
    return Table(
        name,
        columns=tuple(column for _, column, *_ in found),
        key=tuple(column for _, column, _, _, _, is_key in found if is_key),
        texts=tuple(place for place, _, type_, *_ in found if type_ == "TEXT"),
        width_min=max(place for place, _, _, is_never_null, *_ in found if is_never_null) + 1,
    )


with closing(sqlite3.connect(":memory:")) as _database:
    for _statement in STATEMENTS:
        _database.execute(_statement)
    meta = _read(_database, "meta")
    requirements = _read(_database, "requirements")
    tasks = _read(_database, "tasks")
    attempts = _read(_database, "attempts")
    agents = _read(_database, "agents")
    call_batches = _read(_database, "call_batches")
    events = _read(_database, "events")

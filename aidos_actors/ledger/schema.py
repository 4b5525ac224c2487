"""The tables, in types that SQLite and PostgreSQL share. Columns stand as the fields do in ``core/records.py``.

A change here needs a new step in ``migrations/versions`` and its name at the end of ``revisions.REVISIONS``.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

ID = String(64)
STATE = String(32)
COMMIT = String(64)

metadata = MetaData(naming_convention={"pk": "pk_%(table_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s"})

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

requirements = Table(
    "requirements",
    metadata,
    Column("id", ID, primary_key=True),
    Column("title", Text, nullable=False),
    Column("state", STATE, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("document", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("repo", Text),
    Column("target", Text),
    Column("base_commit", COMMIT),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("deadline_at", Double),
    Column("commit", COMMIT),
    Column("error", Text),
    Column("bumped_at", Double),
    Column("tasks_done", Integer),
    Column("tasks_total", Integer),
    Column("replans", Integer),
    Index("ix_requirements_state", "state"),
    Index("ix_requirements_position", "position"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("requirement", ID, ForeignKey("requirements.id"), primary_key=True),
    Column("id", ID, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("state", STATE, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("own_failures", Integer, nullable=False),
    Column("infra_faults", Integer, nullable=False),
    Column("conflicts", Integer, nullable=False),
    Column("not_before_at", Double),
    Column("commit", COMMIT),
    Column("error", Text),
    Column("result", Text),
    Column("finished_at", Double),
    Column("paused_at", Double),
    Column("bumped_at", Double),
    Column("revised_after", Integer),
    Column("ruled_failures", Text),
    Column("agents", Text),
)

attempts = Table(
    "attempts",
    metadata,
    Column("requirement", ID, primary_key=True),
    Column("task", ID, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", STATE, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("leased_at", Double, nullable=False),
    Column("worker", Text, nullable=False),
    Column("worker_generation", Text, nullable=False),
    Column("worktree", Text),
    Column("base_commit", COMMIT),
    Column("minder_pid", BigInteger),
    Column("minder_started", BigInteger),
    Column("started_at", Double),
    Column("ended_at", Double),
    Column("exit_code", Integer),
    Column("error", Text),
    Column("agent", ID),
    Column("kept_at", Double),
    ForeignKeyConstraint(["requirement", "task"], ["tasks.requirement", "tasks.id"], name="fk_attempts_task"),
)

agents = Table(
    "agents",
    metadata,
    Column("name", ID, primary_key=True),
    Column("until_at", Double),
    Column("reason", STATE),
    Column("error", Text),
    Column("waits", Integer, nullable=False),
)

call_batches = Table(
    "call_batches",
    metadata,
    Column("requirement", ID, ForeignKey("requirements.id"), primary_key=True),
    Column("task", ID, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("leased_at", Double, nullable=False),
    Column("worker", Text, nullable=False),
    Column("worker_generation", Text, nullable=False),
    Column("members", Text, nullable=False),
)

# No foreign keys: the journal outlives what it tells of. SQLite makes only an INTEGER the key of the file itself.
events = Table(
    "events",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("type", String(64), nullable=False),
    Column("requirement", ID),
    Column("task", ID),
    Column("attempt", Integer),
    Column("epoch", BigInteger, nullable=False),
    Column("data", Text, nullable=False),
    Index("ix_events_requirement", "requirement", "seq"),
)

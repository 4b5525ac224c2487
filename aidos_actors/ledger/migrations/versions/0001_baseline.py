"""The first schema: requirements, tasks, attempts, and the journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _meta()
    _requirements()
    _tasks()
    _attempts()
    _events()


def _meta() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )


def _requirements() -> None:
    op.create_table(
        "requirements",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("repo", sa.Text),
        sa.Column("target", sa.Text),
        sa.Column("base_commit", sa.String(64)),
        sa.Column("started_at", sa.Double),
        sa.Column("finished_at", sa.Double),
        sa.Column("deadline_at", sa.Double),
        sa.Column("commit", sa.String(64)),
        sa.Column("error", sa.Text),
        sa.Column("bumped_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_requirements"),
    )
    op.create_index("ix_requirements_state", "requirements", ["state"])
    op.create_index("ix_requirements_position", "requirements", ["position"])


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("requirement", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("own_failures", sa.Integer, nullable=False),
        sa.Column("infra_faults", sa.Integer, nullable=False),
        sa.Column("conflicts", sa.Integer, nullable=False),
        sa.Column("not_before_at", sa.Double),
        sa.Column("commit", sa.String(64)),
        sa.Column("error", sa.Text),
        sa.Column("result", sa.Text),
        sa.Column("finished_at", sa.Double),
        sa.Column("paused_at", sa.Double),
        sa.Column("bumped_at", sa.Double),
        sa.PrimaryKeyConstraint("requirement", "id", name="pk_tasks"),
        sa.ForeignKeyConstraint(["requirement"], ["requirements.id"], name="fk_tasks_requirement"),
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("requirement", sa.String(64), nullable=False),
        sa.Column("task", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("leased_at", sa.Double, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("worker_generation", sa.Text, nullable=False),
        sa.Column("worktree", sa.Text),
        sa.Column("base_commit", sa.String(64)),
        sa.Column("minder_pid", sa.BigInteger),
        sa.Column("minder_started", sa.BigInteger),
        sa.Column("started_at", sa.Double),
        sa.Column("ended_at", sa.Double),
        sa.Column("exit_code", sa.Integer),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("requirement", "task", "number", name="pk_attempts"),
        sa.ForeignKeyConstraint(["requirement", "task"], ["tasks.requirement", "tasks.id"], name="fk_attempts_task"),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("requirement", sa.String(64)),
        sa.Column("task", sa.String(64)),
        sa.Column("attempt", sa.Integer),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
    )
    op.create_index("ix_events_requirement", "events", ["requirement", "seq"])

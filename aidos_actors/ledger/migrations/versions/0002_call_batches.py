"""One row for many callables that are under way together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_batches",
        sa.Column("requirement", sa.String(64), nullable=False),
        sa.Column("task", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("leased_at", sa.Double, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("worker_generation", sa.Text, nullable=False),
        sa.Column("members", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("requirement", "task", "number", name="pk_call_batches"),
        sa.ForeignKeyConstraint(["requirement"], ["requirements.id"], name="fk_call_batches_requirement"),
    )

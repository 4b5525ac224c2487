"""Which coding agent does an attempt, whose work is kept, and until when an agent cannot be used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tasks", sa.Column("agents", sa.Text))
    op.add_column("attempts", sa.Column("agent", sa.String(64)))
    op.add_column("attempts", sa.Column("kept_at", sa.Double))
    op.create_table(
        "agents",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("until_at", sa.Double),
        sa.Column("reason", sa.String(32)),
        sa.Column("error", sa.Text),
        sa.Column("waits", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_agents"),
    )

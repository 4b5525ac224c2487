"""How many tasks a requirement had and how many were done, counted when it ends: a list of all needs no more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

FILL = """
UPDATE requirements SET
    tasks_total = (SELECT count(*) FROM tasks WHERE tasks.requirement = requirements.id),
    tasks_done = (SELECT count(*) FROM tasks WHERE tasks.requirement = requirements.id AND tasks.state = 'done')
WHERE state IN ('done', 'failed', 'cancelled') AND started_at IS NOT NULL
"""


def upgrade() -> None:
    op.add_column("requirements", sa.Column("tasks_done", sa.Integer))
    op.add_column("requirements", sa.Column("tasks_total", sa.Integer))
    op.execute(FILL)

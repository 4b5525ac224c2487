"""Brings the schema of an open ledger to the newest. Alembic is slow to import, so only when it is needed."""

from __future__ import annotations

import secrets
from pathlib import Path

from sqlalchemy import Connection, insert, inspect, text

from aidos_actors.core.errors import Unfit
from aidos_actors.ledger import schema
from aidos_actors.ledger.errors import LedgerDamaged
from aidos_actors.ledger.revisions import REVISIONS

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = (
    "alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def stored_revision(connection: Connection) -> str | None:
    """The revision the file is at; None for an empty file. ``LedgerDamaged`` when its tables are not a ledger's."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if tables:
        raise LedgerDamaged(
            f"the file is a database, but no ledger: it holds {', '.join(sorted(tables)[:5])}",
            hint="give another state directory with --state",
        )
    return None


def require_known(revision: str) -> None:
    """``Unfit``, naming both revisions, unless ``revision`` is one this program has heard of."""
    if revision not in REVISIONS:
        raise Unfit(
            f"the ledger has schema {revision}; this program knows schemas up to {REVISIONS[-1]}",
            hint="a newer AIDOS wrote it: use that version, or restore a backup made before the upgrade",
        )


def require_current(revision: str) -> None:
    """``Unfit``, naming both revisions, unless ``revision`` is the newest."""
    require_known(revision)
    if revision != REVISIONS[-1]:
        raise Unfit(
            f"the ledger has schema {revision}; this program needs schema {REVISIONS[-1]}",
            hint="`aidos run` and `aidos serve` migrate it when they start; copy the state directory before",
        )


def bring_up_to_date(connection: Connection, revision: str | None, *, migrate: bool) -> None:
    """The schema is the newest afterwards, all steps in the caller's transaction. An empty file always gets it; an
    older ledger only with ``migrate``, otherwise ``Unfit``."""
    if revision is not None and not migrate:
        require_current(revision)
    if revision == REVISIONS[-1]:
        return
    if revision is not None:
        require_known(revision)
    if revision is not None:
        _upgrade(connection)
    else:
        _make(connection)
        first = {"installation": secrets.token_hex(8), "epoch": "0"}
        connection.execute(insert(schema.meta), [{"key": key, "value": value} for key, value in first.items()])


def _make(connection: Connection) -> None:
    """All tables as they stand now, which is what all steps together build: neither Alembic's time nor its memory is
    spent on it."""
    schema.metadata.create_all(connection)
    connection.execute(text(f"CREATE TABLE {VERSION_TABLE}"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:it)"), {"it": REVISIONS[-1]})


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, REVISIONS[-1])

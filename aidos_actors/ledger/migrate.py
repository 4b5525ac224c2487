"""Brings the schema of an open ledger to the newest. Alembic is slow to import and large, so only when it is needed."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path

from aidos_actors.core.errors import Unfit
from aidos_actors.ledger import schema
from aidos_actors.ledger.errors import LedgerDamaged
from aidos_actors.ledger.revisions import REVISIONS

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = (
    "alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def stored_revision(driver: sqlite3.Connection) -> str | None:
    """The revision the file is at; None for an empty file. ``LedgerDamaged`` when its tables are not a ledger's."""
    named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
    tables = [name for (name,) in driver.execute(named)]
    if "alembic_version" in tables:
        found = driver.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if found is None else str(found[0])
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


def bring_up_to_date(driver: sqlite3.Connection, revision: str | None, *, migrate: bool) -> None:
    """The schema is the newest afterwards, all steps in one transaction: the caller's, in which nothing was written, or
    one that has been committed. An empty file always gets it; an older ledger only with ``migrate``, otherwise
    ``Unfit``."""
    if revision is not None and not migrate:
        require_current(revision)
    if revision == REVISIONS[-1]:
        return
    if revision is not None:
        require_known(revision)
        _upgrade(driver)
    else:
        _make(driver)
        first = {"installation": secrets.token_hex(8), "epoch": "0"}
        driver.executemany(schema.meta.insert(), first.items())


def _make(driver: sqlite3.Connection) -> None:
    """All tables as they stand now, which is what all steps together build: neither Alembic's time nor its memory is
    spent on it."""
    for statement in (*schema.STATEMENTS, f"CREATE TABLE {VERSION_TABLE}"):
        driver.execute(statement)
    driver.execute("INSERT INTO alembic_version VALUES (?)", (REVISIONS[-1],))


def _upgrade(driver: sqlite3.Connection) -> None:
    """All steps are done and committed, in one transaction of their own; nothing was written in the open one."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    driver.rollback()
    engine = create_engine("sqlite://", creator=lambda: driver, poolclass=StaticPool)
    with engine.begin() as connection:
        driver.execute("BEGIN IMMEDIATE")
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        command.upgrade(config, REVISIONS[-1])

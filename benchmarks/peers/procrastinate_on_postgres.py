"""Procrastinate. Run as a program it is a worker; its jobs are coroutines, ten at once: the fastest documented form."""

from __future__ import annotations

import sys

import procrastinate
import psycopg
from peer import postgres_url

IS_WORKER = __name__ == "__main__"
Connector = procrastinate.PsycopgConnector if IS_WORKER else procrastinate.SyncPsycopgConnector
app = procrastinate.App(connector=Connector(conninfo=postgres_url()))


@app.task(name="noop")
async def noop() -> int:
    return 1


class OnPostgres:
    durable = "PostgreSQL, fsync on, synchronous_commit on; a crash is noticed by a sweep of the user's"
    distributions = ("procrastinate", "psycopg")

    def __init__(self) -> None:
        app.open()
        app.schema_manager.apply_schema()
        self._rows = psycopg.connect(postgres_url(), autocommit=True)

    def submit(self, count: int) -> None:
        for _ in range(count):
            noop.defer()

    def done(self) -> int:
        found = self._rows.execute("SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'").fetchone()
        return int(found[0]) if found else 0

    def workers(self) -> list[list[str]]:
        return [[sys.executable, __file__]] * 2


def peer() -> OnPostgres:
    return OnPostgres()


if IS_WORKER:
    app.run_worker(concurrency=10)

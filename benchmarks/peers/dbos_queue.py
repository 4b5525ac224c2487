"""DBOS workflows from a queue, on PostgreSQL or, with PEERS_POSTGRES unset, on SQLite. Run as a program with a number
it is a worker.

On SQLite it needs 3.42 or newer, so pysqlite3 takes the place of Python's own. It looks for work every ``POLL_S``; when
nothing is said, every second.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import pysqlite3

sys.modules["sqlite3"] = pysqlite3
sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2

from dbos import DBOS, DBOSClient, DBOSConfig  # noqa: E402
from peer import folder, postgres_url  # noqa: E402

IS_ON_POSTGRES = "PEERS_POSTGRES" in os.environ
URL = postgres_url() if IS_ON_POSTGRES else f"sqlite:///{folder()}/dbos.sqlite"
QUEUE, VERSION, POLL_S = "peer", "v1", 0.1
TABLE = "dbos.workflow_status" if IS_ON_POSTGRES else "workflow_status"
COUNT = f"SELECT count(*) FROM {TABLE} WHERE status = 'SUCCESS' AND name = 'noop'"


@DBOS.workflow(name="noop")
def noop() -> int:
    return 1


def launched(executor: str) -> None:
    """This process has made the tables, and takes workflows from the queue once that is registered."""
    config = DBOSConfig(
        name="peer",
        system_database_url=URL,
        run_admin_server=False,
        log_level="ERROR",
        executor_id=executor,
        application_version=VERSION,
    )
    DBOS(config=config)
    DBOS.launch()


class Durable:
    promise = "a crash is noticed when the same executor is started again"
    durable = f"{'PostgreSQL, fsync on' if IS_ON_POSTGRES else 'SQLite rollback journal, synchronous=FULL'}; {promise}"
    distributions = ("dbos",) if IS_ON_POSTGRES else ("dbos", "pysqlite3-binary")

    def __init__(self) -> None:
        launched("tables")
        DBOS.destroy()
        self._client = DBOSClient(system_database_url=URL, application_name="peer")
        self._rows = self._connected()

    def _connected(self) -> Any:
        if IS_ON_POSTGRES:
            import psycopg

            return psycopg.connect(URL, autocommit=True)
        return pysqlite3.connect(str(folder() / "dbos.sqlite"), isolation_level=None, timeout=30)

    def submit(self, count: int) -> None:
        for _ in range(count):
            self._client.enqueue({"queue_name": QUEUE, "workflow_name": "noop", "app_version": VERSION})

    def done(self) -> int:
        return int(self._rows.execute(COUNT).fetchone()[0])

    def workers(self) -> list[list[str]]:
        return [[sys.executable, __file__, str(number)] for number in range(2)]


def peer() -> Durable:
    return Durable()


if __name__ == "__main__":
    launched(f"worker-{sys.argv[1]}")
    DBOS.register_queue(QUEUE, polling_interval_sec=POLL_S, on_conflict="always_update")
    while True:
        time.sleep(60)

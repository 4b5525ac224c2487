"""Huey with its SQLite storage."""

from __future__ import annotations

from huey import SqliteHuey
from peer import folder, program

huey = SqliteHuey("peer", filename=str(folder() / "huey.db"))


@huey.task()
def noop() -> int:
    return 1


class OnSqlite:
    durable = "SQLite WAL, synchronous=FULL; at most once: what runs in a crash is lost"
    distributions = ("huey",)

    def submit(self, count: int) -> None:
        for _ in range(count):
            noop()

    def done(self) -> int:
        return int(huey.result_count())

    def workers(self) -> list[list[str]]:
        return [[program("huey_consumer"), "huey_on_sqlite.huey", "-w", "2", "-k", "process", "-q"]]


def peer() -> OnSqlite:
    return OnSqlite()

"""What can still be read of a damaged diskcache file, without writing to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

PAGES_AT = 28
JOURNAL_MODE_AT = 18
ROWS_MAX = 10_000


def salvaged_texts(file: Path) -> dict[str, str]:
    """Every text that comes out of ``file``: with its log, and, since SQLite reads no file that was cut off, from a
    copy in memory that says its true length. Never raises for damage."""
    found: dict[str, str] = {}
    for opened in (_with_its_log, _with_its_true_length):
        for key, value in _rows(opened, file):
            found.setdefault(key, value)
    return found


def _with_its_log(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)


def _with_its_true_length(file: Path) -> sqlite3.Connection:
    image = bytearray(file.read_bytes())
    size = int.from_bytes(image[16:18], "big") or 1
    page_size = 65536 if size == 1 else size
    image[PAGES_AT : PAGES_AT + 4] = (len(image) // page_size).to_bytes(4, "big")
    image[JOURNAL_MODE_AT : JOURNAL_MODE_AT + 2] = b"\1\1"  # a copy in memory has no log
    connection = sqlite3.connect(":memory:")
    connection.deserialize(bytes(image))
    return connection


def _rows(opened: Callable[[Path], sqlite3.Connection], file: Path) -> Iterator[tuple[str, str]]:
    """Row by row, so that a damaged one hides no other."""
    try:
        connection = opened(file)
    except (sqlite3.Error, OSError):
        return
    try:
        for rowid in _rowids(connection):
            try:
                row = connection.execute("SELECT key, value FROM Cache WHERE rowid = ?", (rowid,)).fetchone()
            except (sqlite3.Error, UnicodeDecodeError):
                continue
            if row is not None and isinstance(row[0], str) and isinstance(row[1], str):
                yield row[0], row[1]
    finally:
        connection.close()


def _rowids(connection: sqlite3.Connection) -> set[int]:
    """As far as they can be listed from either end."""
    found: set[int] = set()
    for order in ("DESC", "ASC"):
        try:
            cursor = connection.execute(f"SELECT rowid FROM Cache NOT INDEXED ORDER BY rowid {order} LIMIT {ROWS_MAX}")
            for (rowid,) in cursor:
                found.add(rowid)
        except sqlite3.Error:
            pass
    return found

"""What can still be read of a damaged diskcache file, without writing to it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

_QUERIES = (
    "SELECT key, value FROM Cache ORDER BY rowid DESC",
    "SELECT key, value FROM Cache ORDER BY rowid",
)


def salvaged_texts(file: Path) -> dict[str, str]:
    """Every text that comes out of ``file`` before the damage is met, from either end. Never raises for damage."""
    found: dict[str, str] = {}
    for query in _QUERIES:
        try:
            connection = sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)
        except sqlite3.Error:
            continue
        try:
            for key, value in connection.execute(query):
                if isinstance(key, str) and isinstance(value, str):
                    found.setdefault(key, value)
        except (sqlite3.Error, UnicodeDecodeError):
            pass
        finally:
            connection.close()
    return found

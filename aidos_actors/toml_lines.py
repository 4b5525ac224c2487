"""On which line of a TOML file a key stands: what ``tomllib`` knows and does not tell. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

_HEADER = re.compile(r"^\s*\[\[?(?P<name>[^\[\]]+)\]\]?\s*(#.*)?$")
_PART = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
_KEY = re.compile(rf"^\s*(?P<name>{_PART}(?:\s*\.\s*{_PART})*)\s*=")
_AT_LINE = re.compile(r"at line (\d+)")

Place = tuple[str, ...]


def lines_of(text: str) -> dict[Place, int]:
    """The line, from 1, of every table and key of a sound ``text``; a key within braces has none of its own."""
    found: dict[Place, int] = {}
    table: Place = ()
    for number, line in enumerate(text.splitlines(), 1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header and (place := _place(header["name"])):
            table = place
            for depth in range(1, len(table) + 1):
                found.setdefault(table[:depth], number)
        elif key and (place := _place(key["name"])):
            for depth in range(1, len(place) + 1):
                found.setdefault((*table, *place[:depth]), number)
    return found


def line_of(place: Place, lines: Mapping[Place, int]) -> int | None:
    """That of the key, or of the nearest table around it."""
    around = (place[:depth] for depth in range(len(place), 0, -1))
    return next((lines[each] for each in around if each in lines), None)


def line_of_error(error: tomllib.TOMLDecodeError, text: str) -> int:
    """Where reading stopped."""
    named = _AT_LINE.search(str(error))
    return int(named[1]) if named else max(1, len(text.splitlines()))


def _place(name: str) -> Place:
    """``a."b.c"`` as its parts; nothing when it is none, as within a text of several lines."""
    try:
        return tuple(_path(tomllib.loads(f"{name} = 0")))
    except tomllib.TOMLDecodeError:
        return ()


def _path(node: Any) -> Iterator[str]:
    while isinstance(node, dict):
        ((name, node),) = node.items()
        yield name

"""Snapshots in the memory of one process: for simulated systems and tests. What it acknowledges survives the actor, not
the process."""

from __future__ import annotations

from msgspec import Struct, field

from supervisors.snapshot_rules import ASIDE_KEPT, Found, Head, Record, to_keep


class Shelf(Struct):
    """What is stored for one actor; stores may be opened on it one after the other, or several at once."""

    head: Head = field(default_factory=Head)
    records: dict[int, object] = field(default_factory=dict)
    aside: dict[int, object] = field(default_factory=dict)
    discarded: list[dict[int, object]] = field(default_factory=list)


class MemorySnapshots:
    """The port ``SnapshotStore`` over a ``Shelf``."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def claim(self) -> Found:
        shelf = self._shelf
        shelf.head = shelf.head.claimed()
        return Found(shelf.head, _newest_first(shelf.records), _newest_first(shelf.aside))

    def write(self, generation: int, version: int, text: str) -> None:
        shelf = self._shelf
        if shelf.head.names(generation, version) and shelf.records.get(version) == text:
            return
        shelf.head = shelf.head.written(generation, version)
        shelf.records[version] = text
        for old in to_keep(list(shelf.records))[1]:
            del shelf.records[old]

    def started(self, generation: int, set_aside: tuple[int, ...] = ()) -> None:
        shelf = self._shelf
        shelf.head = shelf.head.started(generation)
        for version in set_aside:
            shelf.aside[version] = shelf.records.pop(version)
        for old in to_keep(list(shelf.aside), ASIDE_KEPT)[1]:
            del shelf.aside[old]

    def start_raised(self, generation: int, *, blames_state: bool) -> None:
        self._shelf.head = self._shelf.head.start_raised(generation, blames_state=blames_state)

    def start_over(self) -> Found:
        shelf = self._shelf
        shelf.discarded.append(shelf.records)
        shelf.records, shelf.aside = {}, {}
        shelf.head = Head(generation=shelf.head.generation).claimed()
        return Found(shelf.head)

    def close(self) -> None:
        """Nothing is held."""


def _newest_first(texts: dict[int, object]) -> tuple[Record, ...]:
    return tuple(Record(version, texts[version]) for version in sorted(texts, reverse=True))

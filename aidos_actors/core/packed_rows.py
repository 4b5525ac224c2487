"""The rows of a large plan's tasks: those that something has happened to as they are, the others in a few bytes each.

| the row | is kept |
|---|---|
| of a task that has only been planned | as its state |
| of one that is under way, or was | as it is |
| of one that has ended | as it is, until some hundred have: then they are written and compressed together |
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Collection, Iterator, MutableMapping, ValuesView
from itertools import count

import msgspec

from aidos_actors.core.packed_tasks import PackedTasks
from aidos_actors.core.records import TaskRecord
from aidos_actors.core.states import TASK_FINAL, TaskState

TOGETHER = 256
NEAR_MAX = 256
UNPACKED_MAX = 4
NUMBER_MAX = 65535
_STATES = (None, *TaskState)
_CODES: dict[str, int] = {state.value: code for code, state in enumerate(_STATES) if state is not None}
_ROWS = msgspec.msgpack.Decoder(list[TaskRecord])
_PLANNED = {_CODES[state] for state in (TaskState.WAITING, TaskState.READY)}
_FINAL = {_CODES[state] for state in TASK_FINAL}

ByPosition = dict[int, TaskRecord]


class PackedRows(MutableMapping[str, TaskRecord]):
    """Rows by the names of their tasks, in file order. Each row stands at the position of its task."""

    def __init__(self, requirement: str, tasks: PackedTasks) -> None:
        self._requirement = requirement
        self._tasks = tasks
        self._states = bytearray(len(tasks))  # places in _STATES
        self._count = 0
        self._rows: dict[str, TaskRecord] = {}
        self._near: dict[str, TaskRecord] = {}  # of the others, those that were just asked for
        self._ended: list[TaskRecord] = []  # of _rows, unless they have changed since
        self._chunk_of: array[int] = array("H", bytes(2 * len(tasks)))  # 1 is the first
        self._chunks: dict[int, bytes] = {}
        self._live: dict[int, int] = {}
        self._last_chunk = 0
        self._unpacked: dict[int, ByPosition] = {}

    def __getitem__(self, name: str) -> TaskRecord:
        row = self._rows.get(name) or self._near.get(name)
        if row is not None:
            return row
        at = self._tasks.position(name)
        if at is None or not self._states[at]:
            raise KeyError(name)
        return self._keep_near(self._cold(at, name))

    def __setitem__(self, name: str, row: TaskRecord) -> None:
        at, code = row.position, _CODES[row.state._value_]
        self._count += not self._states[at]
        self._states[at] = code
        if self._chunk_of[at]:
            self._leave_chunk(at)
        if row.attempts == 0 and code in _PLANNED and row == self._planned(at, name):
            self._rows.pop(name, None)
            self._keep_near(row)
            return
        self._near.pop(name, None)
        self._rows[name] = row
        if code in _FINAL:
            self._ended.append(row)
            if len(self._ended) >= TOGETHER:
                self._pack()

    def __delitem__(self, name: str) -> None:
        at = self[name].position
        self._rows.pop(name, None)
        self._near.pop(name, None)
        if self._chunk_of[at]:
            self._leave_chunk(at)
        self._states[at] = 0
        self._count -= 1

    def __len__(self) -> int:
        return self._count

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return (row.id for row in self.values())

    def values(self) -> ValuesView[TaskRecord]:
        return _InFileOrder(self)

    def in_states(self, states: Collection[TaskState]) -> Iterator[TaskRecord]:
        """The rows in these states, in file order."""
        wanted = {_CODES[state] for state in states}
        if all(self._states.find(code) < 0 for code in wanted):
            return
        chunks: dict[int, ByPosition] = {}
        for at, (name, _needs) in enumerate(self._tasks.outline()):
            if self._states[at] in wanted:
                number = self._chunk_of[at]
                if number and number not in chunks:
                    chunks[number] = _rows_of(self._chunks[number])
                yield chunks[number][at] if number else self._rows.get(name) or self._planned(at, name)

    def _keep_near(self, row: TaskRecord) -> TaskRecord:
        if len(self._near) >= NEAR_MAX:
            self._near.clear()
        self._near[row.id] = row
        return row

    def _planned(self, at: int, name: str) -> TaskRecord:
        state = _STATES[self._states[at]]
        assert state is not None
        return TaskRecord(self._requirement, name, at, state)

    def _cold(self, at: int, name: str) -> TaskRecord:
        number = self._chunk_of[at]
        if not number:
            return self._planned(at, name)
        rows = self._unpacked.get(number)
        if rows is None:
            if len(self._unpacked) >= UNPACKED_MAX:
                del self._unpacked[next(iter(self._unpacked))]
            rows = self._unpacked[number] = _rows_of(self._chunks[number])
        return rows[at]

    def _pack(self) -> None:
        rows = [row for row in self._ended if self._rows.get(row.id) is row]
        self._ended = []
        if not rows or len(self._chunks) == NUMBER_MAX:
            return
        self._last_chunk = number = next(n for n in _numbers_after(self._last_chunk) if n not in self._chunks)
        self._chunks[number] = zlib.compress(msgspec.msgpack.encode(rows), 1)
        self._live[number] = len(rows)
        for row in rows:
            self._chunk_of[row.position] = number
            del self._rows[row.id]

    def _leave_chunk(self, at: int) -> None:
        number = self._chunk_of[at]
        self._chunk_of[at] = 0
        self._live[number] -= 1
        if not self._live[number]:
            for kept in (self._live, self._chunks, self._unpacked):
                kept.pop(number, None)


class _InFileOrder(ValuesView[TaskRecord]):
    _mapping: PackedRows

    def __iter__(self) -> Iterator[TaskRecord]:
        return self._mapping.in_states(tuple(TaskState))


def _numbers_after(number: int) -> Iterator[int]:
    return ((number + step) % NUMBER_MAX + 1 for step in count())


def _rows_of(chunk: bytes) -> ByPosition:
    """By position."""
    return {row.position: row for row in _ROWS.decode(zlib.decompress(chunk))}

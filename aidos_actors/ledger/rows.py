"""Records to rows and back. A row is a tuple; columns and fields stand in the same order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from itertools import groupby
from typing import Any, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import astuple

from aidos_actors.core.packed_text import PackedText
from aidos_actors.core.records import (
    AgentRecord,
    AttemptRecord,
    Batch,
    CallBatch,
    JournalEvent,
    NewEvent,
    RequirementRecord,
    TaskRecord,
)
from aidos_actors.core.states import AttemptState, RequirementState, TaskState
from aidos_actors.ledger import schema
from aidos_actors.ledger.errors import LedgerDamaged, LedgerRefused
from aidos_actors.ledger.schema import Table

Record = TypeVar("Record", RequirementRecord, TaskRecord, AttemptRecord)
Values = tuple[Any, ...]

AS_IT_STANDS = ""
"""In place of a long document, which is written by itself, or was before: what is stored stays."""

to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Shape(Struct, Generic[Record], frozen=True, dict=True):
    """How one kind of record lies in its table."""

    table: Table
    record_type: type[Record]
    state_type: type[StrEnum]

    def rows(self, records: Iterable[Record]) -> Iterator[Values]:
        return map(self._row, records)

    def records(self, rows: Iterable[Values]) -> list[Record]:
        return [self._record(list(row)) for row in rows]

    def _row(self, record: Record) -> Values:
        values = list(astuple(record))
        values[self._state_at] = values[self._state_at].value
        for place in self.table.texts:
            if (text := values[place]) is not None:
                values[place] = AS_IT_STANDS if isinstance(text, PackedText) else storable(text)
        return tuple(values)

    def _record(self, values: list[Any]) -> Record:
        try:
            values[self._state_at] = self.state_type(values[self._state_at])
        except ValueError as error:
            raise LedgerDamaged(f"the table {self.table.name} holds {error}") from error
        return self.record_type(*values)

    @cached_property
    def _state_at(self) -> int:
        return self.table.columns.index("state")


REQUIREMENTS = Shape(schema.requirements, RequirementRecord, RequirementState)
TASKS = Shape(schema.tasks, TaskRecord, TaskState)
ATTEMPTS = Shape(schema.attempts, AttemptRecord, AttemptState)


def rows_of(batch: Batch) -> Iterator[tuple[Table, Iterator[Values]]]:
    """The batch's rows by table, parents before children, made as they are asked for."""
    yield REQUIREMENTS.table, REQUIREMENTS.rows(batch.requirements)
    yield TASKS.table, TASKS.rows(batch.tasks)
    yield ATTEMPTS.table, ATTEMPTS.rows(batch.attempts)
    yield schema.agents, map(agent_row, batch.agents)


def long_documents(batch: Batch) -> Iterator[Values]:
    """Those that are to be stored, each with the id of its requirement."""
    newest: dict[str, PackedText] = {}
    for each in batch.requirements:
        if isinstance(each.document, str):
            newest.pop(each.id, None)
        elif not each.document.is_stored:
            newest[each.id] = each.document
    return ((storable(str(document)), name) for name, document in newest.items())


def by_width(table: Table, rows: Iterable[Values]) -> Iterator[tuple[int, Iterator[Values]]]:
    """The rows in order, those together that end after the same column: at the last one, or where only NULL would
    follow. To hand NULL over takes as long as a value, and tasks that are new have little else."""
    least, most = table.width_min, len(table.columns)
    empty = (None,) * (most - least)
    for is_brief, alike in groupby(rows, lambda row: row[least:] == empty):
        width = least if is_brief else most
        yield width, (row[:width] for row in alike)


def agent_row(agent: AgentRecord) -> Values:
    error = None if agent.error is None else storable(agent.error)
    return (agent.name, agent.until_at, agent.reason, error, agent.waits)


def accepted_rows(tasks: Iterable[TaskRecord]) -> list[Values]:
    """What is new of tasks that are done, and their keys."""
    return [
        (
            task.state.value,
            task.attempts,
            None if task.result is None else storable(task.result),
            task.finished_at,
            task.requirement,
            task.id,
        )
        for task in tasks
    ]


def call_rows(batches: Iterable[CallBatch]) -> tuple[list[Values], list[Values]]:
    """The rows of batches that are open, and the keys of those that are over."""
    written = []
    over = []
    for each in batches:
        key = (each.requirement, each.task, each.number)
        if each.members:
            about = (each.epoch, each.leased_at, each.worker, each.worker_generation, to_json(each.members))
            written.append((*key, *about))
        else:
            over.append(key)
    return written, over


def call_batch_of(row: Values) -> CallBatch:
    values = list(row)
    try:
        values[-1] = tuple((str(task), int(number)) for task, number in json.loads(values[-1]))
    except (ValueError, TypeError) as error:
        raise LedgerDamaged(f"a batch of callables cannot be read: {error}") from error
    return CallBatch(*values)


def event_rows(events: Sequence[NewEvent], epoch: int, after_seq: int) -> list[Values]:
    """Rows numbered from ``after_seq + 1``. ``LedgerRefused`` when an event's data is not JSON."""
    rows = []
    data, text = None, ""
    for seq, event in enumerate(events, after_seq + 1):
        if event.data is not data:  # many events of one batch share their data
            data, text = event.data, _data_of(event)
        rows.append((seq, event.at, event.type, event.requirement, event.task, event.attempt, epoch, text))
    return rows


def event_of(row: Values) -> JournalEvent:
    values = list(row)
    try:
        values[-1] = json.loads(values[-1])
    except ValueError as error:
        raise LedgerDamaged(f"event {values[0]} of the journal cannot be read: {error}") from error
    return JournalEvent(*values)


def storable(text: str) -> str:
    """Half characters, as the output of a broken command may hold them, become ``?``: no database takes them."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _data_of(event: NewEvent) -> str:
    try:
        return storable(to_json(dict(event.data)))
    except (TypeError, ValueError, RecursionError) as error:
        raise LedgerRefused(f"the data of event {event.type!r} is not JSON: {error}") from error

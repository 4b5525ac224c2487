"""Is the ledger sound? Everything it says twice is compared, through a view that locks nothing and writes nothing.

| check | what is compared |
|---|---|
| file | every page of the file with SQLite's own rules; damage is an error, and nothing else is looked at then |
| references | rows with the rows they name |
| sequence | the journal's numbers, from the first that is kept, with a count without gap |
| fold | what the journal comes to (``core/journal``) with the tables; texts that it does not hold by their hashes |
| day files | the table's events with their lines in the day files |

Held in memory at once: a page of events, and the rows of one requirement, twice. Each requirement is looked at in one
moment, so a system may go on writing beside it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from msgspec import Struct

from aidos_actors.core.journal.folded import NAMES, AnyRow, FoldedRows, said_of
from aidos_actors.core.journal.journal import BEGINS, JournalBroken, fold
from aidos_actors.core.orders import AttemptKey
from aidos_actors.core.records import JournalEvent, RequirementRecord, TaskRecord
from aidos_actors.ledger import schema
from aidos_actors.ledger.check_texts import document_differences, result_differences, submission_differences
from aidos_actors.ledger.day_check import lacking
from aidos_actors.ledger.engine import HINT_RESTORE
from aidos_actors.ledger.errors import LedgerDamaged
from aidos_actors.ledger.reader import LedgerReader
from aidos_actors.ledger.revisions import JOURNAL_FOLDER
from aidos_actors.ledger.rows import Values, event_of

EVENTS_AT_ONCE = 1000
KEPT_MAX = 20
REVISED = "requirement_revised"
AGENT_EVENTS = ("agent_unusable", "agent_free")
VALUE_CHARS_MAX = 80


class Finding(Struct):
    """One check: how much it looked at, in words, and the first differences of all that it found."""

    name: str
    looked_at: str
    differences: list[str]
    count: int


def check(ledger: LedgerReader, folder: Path) -> Iterator[Finding]:
    """One finding a check, in the order of the table above. ``folder`` is the state directory. ``LedgerDamaged`` when
    the file is broken inside."""
    checks: list[tuple[str, Callable[[], tuple[str, Iterator[str]]]]] = [
        ("file", lambda: _file(ledger)),
        ("references", lambda: _references(ledger)),
        ("sequence", lambda: _sequence(ledger)),
        ("fold", lambda: _fold(ledger)),
        ("day files", lambda: _day_files(ledger, folder)),
    ]
    for name, look in checks:
        looked_at, differences = look()
        kept: list[str] = []
        count = 0
        for count, difference in enumerate(differences, 1):
            if count <= KEPT_MAX:
                kept.append(difference)
        yield Finding(name, looked_at, kept, count)


def _file(ledger: LedgerReader) -> tuple[str, Iterator[str]]:
    said = [str(row[0]) for row in ledger.rows(f"PRAGMA integrity_check({KEPT_MAX})")]
    if said != ["ok"]:
        raise LedgerDamaged(f"{ledger._path} is damaged: {'; '.join(said[:3])}", hint=HINT_RESTORE)
    (pages,) = ledger.rows("PRAGMA page_count")
    return f"{pages[0]} pages", iter(())


def _references(ledger: LedgerReader) -> tuple[str, Iterator[str]]:
    wrong = ledger.rows("PRAGMA foreign_key_check")
    return "all rows", (f"{row[0]}, row {row[1]}: it names one of {row[2]} that is not there" for row in wrong)


def _sequence(ledger: LedgerReader) -> tuple[str, Iterator[str]]:
    first, last, count = _extent(ledger)
    if not count:
        return "no events", iter(())
    gaps: Iterator[str] = iter(())
    if count != last - first + 1:
        gaps = (f"after event {seq} comes event {following}" for seq, following in _gaps(ledger))
    return f"events {first} to {last}", gaps


def _extent(ledger: LedgerReader) -> tuple[int, int, int]:
    ((first, last, count),) = ledger.rows("SELECT min(seq), max(seq), count(*) FROM events")
    return first or 0, last or 0, count


def _gaps(ledger: LedgerReader) -> Iterator[tuple[int, int]]:
    pairs = "SELECT seq, lead(seq) OVER (ORDER BY seq) AS following FROM events"
    query = f"SELECT seq, following FROM ({pairs}) WHERE following != seq + 1 LIMIT {KEPT_MAX + 1}"
    yield from ledger.rows(query)


def _day_files(ledger: LedgerReader, folder: Path) -> tuple[str, Iterator[str]]:
    first, last, _count = _extent(ledger)
    seqs = lacking(folder / JOURNAL_FOLDER, _pages(ledger, first - 1, last), last)
    return f"events {first} to {last}", (f"event {seq} does not stand in the file of its day" for seq in seqs)


def _pages(ledger: LedgerReader, after_seq: int, last_seq: int) -> Iterator[list[Values]]:
    while after_seq < last_seq and (rows := ledger._event_rows(after_seq, EVENTS_AT_ONCE)):
        yield [row for row in rows if row[0] <= last_seq]
        after_seq = rows[-1][0]


# The fold


def _fold(ledger: LedgerReader) -> tuple[str, Iterator[str]]:
    told = "SELECT requirement FROM events WHERE requirement IS NOT NULL"
    names = [str(name) for (name,) in ledger.rows(f"{told} UNION SELECT id FROM requirements ORDER BY 1")]
    is_whole = _extent(ledger)[0] <= 1
    differences = (each for name in names for each in _differences(ledger, name, is_whole))
    return f"{len(names)} requirements", itertools.chain(differences, _agent_differences(ledger))


def _agent_differences(ledger: LedgerReader) -> Iterator[str]:
    """Of coding agents, which belong to no requirement: of those that the journal (still) tells of."""
    with ledger.one_moment():
        told = ledger.rows(schema.events.select("WHERE type IN (?, ?) ORDER BY seq"), *AGENT_EVENTS)
        agents = fold(event_of(row) for row in told).agents
        stored = {each.name: each for each in ledger.agents()}
    for name, record in agents.items():
        if stored.get(name) != record:
            yield f"agent {name}: the table says {stored.get(name)}, told {record}"


def _differences(ledger: LedgerReader, name: str, is_whole: bool) -> Iterator[str]:
    """What differs of one requirement. Of one whose beginning the journal does not tell, or tells as it was told before
    events said all, little can be said, unless the journal should: it ``is_whole``."""
    try:
        with ledger.one_moment():
            rows = fold(_events_of(ledger, name))
            record = ledger.requirement(name)
            tasks, attempts, _calls = ledger.work(name)
            stored: list[AnyRow] = [*([] if record is None else [record]), *tasks, *attempts]
            first = next(iter(ledger.events(0, 1, name)), None)
            said = _newest_submission(ledger, name) if rows.not_begun else {}
    except JournalBroken as error:
        yield error.message
        return
    if record is not None:
        yield from document_differences(record)
    yield from result_differences(rows.results, name, tasks)
    if not rows.not_begun:
        yield from _compare(rows, stored)
        return
    if record is not None:
        yield from submission_differences(said, record, tasks)
    if is_whole and first is not None and first.type != BEGINS:
        yield f"requirement {name}: the journal does not tell of its beginning"


def _newest_submission(ledger: LedgerReader, name: str) -> dict[str, Any]:
    """What the last event that gave it a document says of it, if one is kept."""
    given = "SELECT data FROM events WHERE requirement = ? AND type IN (?, ?) ORDER BY seq DESC LIMIT 1"
    rows = ledger.rows(given, name, BEGINS, REVISED)
    return dict(json.loads(rows[0][0])) if rows else {}


def _events_of(ledger: LedgerReader, name: str) -> Iterator[JournalEvent]:
    after_seq = 0
    while page := ledger.events(after_seq, EVENTS_AT_ONCE, name):
        yield from page
        after_seq = page[-1].seq


def _compare(rows: FoldedRows, stored: list[AnyRow]) -> Iterator[str]:
    """What is compared leaves ``rows``; what is left then, the journal alone tells of."""
    for row in stored:
        told = _take_told(rows, row)
        if told is None:
            yield f"{_name_of(row)} is in the table, and the journal does not tell of it"
        elif said_of(told) != said_of(row):
            both = [(name, getattr(row, name), getattr(told, name)) for name in NAMES[type(row)]]
            pairs = (f"{name} is {_short(is_)}, told {_short(said)}" for name, is_, said in both if is_ != said)
            yield f"{_name_of(row)}: {'; '.join(pairs)}"
    for left in (rows.requirements, rows.tasks, rows.attempts):
        for row in left.values():
            yield f"{_name_of(row)}: the journal tells of it, and it is not in the table"


def _take_told(rows: FoldedRows, row: AnyRow) -> AnyRow | None:
    match row:
        case RequirementRecord():
            return rows.requirements.pop(row.id, None)
        case TaskRecord():
            return rows.tasks.pop((row.requirement, row.id), None)
    return rows.attempts.pop(AttemptKey(row.requirement, row.task, row.number), None)


def _name_of(row: AnyRow) -> str:
    match row:
        case RequirementRecord():
            return f"requirement {row.id}"
        case TaskRecord():
            return f"task {row.requirement}/{row.id}"
    return f"attempt {row.requirement}/{row.task}/{row.number}"


def _short(value: object) -> str:
    text = repr(value.value if isinstance(value, StrEnum) else value)
    return text if len(text) <= VALUE_CHARS_MAX else f"{text[:VALUE_CHARS_MAX]}…"

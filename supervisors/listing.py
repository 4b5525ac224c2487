"""What of a decision the registrar would not hear of otherwise: it is told of every process that starts or ends, but a
child may also be added, changed, put to rest or forgotten without one."""

from __future__ import annotations

from collections.abc import Iterator

from supervisors.decisions import Ended, Event, Ignored
from supervisors.family import Family, Life, Row


def listings(before: Family, after: Family, event: Event) -> Iterator[tuple[str, Row | None, bool]]:
    """Each child that ``event`` does not speak of itself, with what it is now (None: forgotten), and whether it moved
    to the end of the start order."""
    told = event.child if isinstance(event, Ended | Ignored) else None
    known = {row.id: row for row in before.rows}
    kept = [row.id for row in before.rows if after.find(row.id) is not None]
    for child in known.keys() - {*kept, told}:
        yield child, None, False
    has_moved = [row.id for row in after.rows][: len(kept)] != kept
    for row in after.rows:
        old = known.get(row.id)
        is_rest = row.life is Life.STOPPED and (old is None or old.life is not Life.STOPPED)
        if row.id == told and not has_moved:
            continue
        if is_rest or has_moved or (old is not None and old.spec is not row.spec):
            yield row.id, row, has_moved

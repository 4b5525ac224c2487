"""Requirements read from the JSON text that they were handed in as."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace
from pydantic import ValidationError

from aidos_actors.core import forms
from aidos_actors.core.packed_tasks import PackedTasks
from aidos_actors.core.packed_text import PackedText, packed_if_long
from aidos_actors.core.records import RequirementRecord
from aidos_actors.core.requirement import TASKS_MAX, Requirement

LARGE_CHARS = 100 * forms.PACKED_FROM
"""No shorter text names as many tasks as a large plan has; as it is written here, a task takes twice as much."""

_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXTS = msgspec.json.Decoder(list[msgspec.Raw])


def requirement_of(document: str | PackedText) -> Requirement:
    """The requirement that it says, checked; many tasks are packed, and never all at hand. ``ValidationError`` of
    pydantic when it is none."""
    text = str(document)
    return (_read_in_blocks(text) if len(text) >= LARGE_CHARS else None) or Requirement.model_validate_json(text)


def as_stored(record: RequirementRecord) -> RequirementRecord:
    """The row of the ledger, as it is kept: a long document is packed."""
    return with_document_stored(replace(record, document=packed_if_long(record.document)))


def with_document_stored(record: RequirementRecord) -> RequirementRecord:
    """The row, whose document is in the ledger, or will be before anything that comes after."""
    document = record.document
    if isinstance(document, str) or document.is_stored:
        return record
    return replace(record, document=replace(document, is_stored=True))


def _read_in_blocks(text: str) -> Requirement | None:
    """None: it has few tasks, or cannot be read in this way; what is wrong with it is told by the plain one."""
    try:
        parts = _PARTS.decode(text)
        tasks = _TEXTS.decode(parts.get("tasks", b"[]"))
        if not forms.PACKED_FROM <= len(tasks) <= TASKS_MAX:
            return None
        parts["tasks"] = msgspec.Raw(b"[%b]" % bytes(tasks[0]))
        head = Requirement.model_validate_json(msgspec.json.encode(parts))
        return head.model_copy(update={"tasks": PackedTasks.read(tasks)})
    except (msgspec.DecodeError, ValidationError):
        return None

"""How one snapshot is written down: a line of JSON that says what it is, then a line of JSON with the content.

The first line carries the format, whose state it is, its place in the sequence, the version of the state's model and a
checksum over both lines. Whatever was cut off, altered, mixed up or made by others is recognised, never guessed at.
Rules for this file: pure, text in and values out.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from msgspec import Struct

from supervisors.snapshot_errors import SnapshotNotWritten, SnapshotUnreadable

FORMAT = "actor-snapshot"
FORMAT_VERSION = 1
SNAPSHOT_BYTES_MAX = 16 * 1024 * 1024
_FIELDS = {"format", "format_version", "actor", "generation", "version", "schema", "saved_at", "sha256"}


class Snapshot(Struct, frozen=True):
    """State of one actor. ``version`` counts its snapshots, ``schema`` is the version of its model, ``generation`` the
    incarnation that wrote it; ``saved_at`` is wall-clock seconds since the epoch; ``body`` is JSON text."""

    actor: str
    generation: int
    version: int
    schema: int
    saved_at: float
    body: str


def encode(snapshot: Snapshot) -> str:
    """The text that ``decode`` turns back into ``snapshot``. SnapshotNotWritten when it is over the size limit."""
    if len(snapshot.body) > SNAPSHOT_BYTES_MAX:
        size = len(snapshot.body)
        raise SnapshotNotWritten(f"a state of {size} bytes is over the limit of {SNAPSHOT_BYTES_MAX}")
    return json.dumps({**_header(snapshot), "sha256": _sum(snapshot)}) + "\n" + snapshot.body


def decode(text: object, actor: str, version: int) -> Snapshot:
    """The snapshot that is stored as number ``version`` of ``actor``. SnapshotUnreadable says what is wrong."""
    if not isinstance(text, str):
        raise SnapshotUnreadable("foreign", f"a {type(text).__name__} is stored where a text should be")
    head, _, body = text.partition("\n")
    header = _read_header(head)
    found = Snapshot(
        header["actor"],
        header["generation"],
        header["version"],
        header["schema"],
        header["saved_at"],
        body,
    )
    if header["sha256"] != _sum(found):
        raise SnapshotUnreadable("torn", "the checksum does not fit the content")
    if (found.actor, found.version) != (actor, version):
        whose = f"version {found.version} of {found.actor!r}"
        raise SnapshotUnreadable("stale", f"{whose} lies in the place of version {version} of {actor!r}")
    return found


def _read_header(line: str) -> dict[str, Any]:
    try:
        header = json.loads(line)
    except ValueError:
        kind = "torn" if line.startswith(f'{{"format": "{FORMAT}"') else "foreign"
        raise SnapshotUnreadable(kind, "the first line is no JSON") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise SnapshotUnreadable("foreign", f"the first line does not say {FORMAT!r}")
    if header.get("format_version") != FORMAT_VERSION:
        said = header.get("format_version")
        raise SnapshotUnreadable("newer", f"format version {said!r}; this program reads {FORMAT_VERSION}")
    if set(header) != _FIELDS:
        raise SnapshotUnreadable("foreign", "the first line has other fields than it should")
    return header


def _header(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "actor": snapshot.actor,
        "generation": snapshot.generation,
        "version": snapshot.version,
        "schema": snapshot.schema,
        "saved_at": snapshot.saved_at,
    }


def _sum(snapshot: Snapshot) -> str:
    try:
        content = json.dumps(_header(snapshot)) + "\n" + snapshot.body
        return hashlib.sha256(content.encode()).hexdigest()
    except (TypeError, ValueError) as error:
        raise SnapshotUnreadable("torn", f"its text is damaged: {error}") from None

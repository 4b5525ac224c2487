"""What the journal says of results: not the texts, but a hash of those that were accepted together.

One hash for many keeps the events of a batch of callables small and alike. So a result can be compared for as long as
all that were accepted with it stand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

Accepted = tuple[str, int]


class ToldResults(Struct):
    """``accepted`` are tasks with the number of the attempt: ``count`` of them when all have been told."""

    sha256: str
    count: int
    accepted: list[Accepted]


def told(results: Sequence[str | None]) -> dict[str, Any]:
    """What the event of the first of them says of all; as many events follow each other."""
    return {"results": len(results), "results_sha256": results_sha256(results)}


def results_sha256(results: Sequence[str | None]) -> str:
    """Half characters count as the ``?`` that is stored of them. A result is JSON, so never empty, and one line."""
    text = "\n".join(result or "" for result in results)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def note(known: list[ToldResults], data: Mapping[str, Any], accepted: Accepted) -> None:
    """An event with ``data`` tells that this attempt was accepted. Before events said so nothing is known."""
    if "results" in data:
        known.append(ToldResults(data["results_sha256"], data["results"], []))
    if known and len(known[-1].accepted) < known[-1].count:
        known[-1].accepted.append(accepted)

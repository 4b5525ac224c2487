"""What a requirement says as one text with sorted keys, of which its hash is made: the quick way wherever it says the
same."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

_MAY_HAVE_EXPONENT = re.compile(r"[0-9]e|0\.0000")  # 1e16 and 1e+16, 0.00001 and 1e-05
_NO_EXPONENT_FROM, _NO_EXPONENT_BELOW = 1e-4, 1e16


class SaidTask(msgspec.Struct, kw_only=True):
    """A task without a policy, whose agents are one; its keys stand sorted."""

    agent: str | None = None
    args: dict[str, Any] = {}
    call: str | None = None
    env: dict[str, str] = {}
    group: str | None = None
    id: str
    needs: tuple[str, ...] = ()
    priority: int = 50
    prompt: str | None = None
    retries: int = 3
    run: str | None = None
    stall_s: float | None = None
    timeout_s: float = 3600.0
    title: str = ""
    verify: str | None = None


class _PlainTask(SaidTask, kw_only=True, forbid_unknown_fields=True):
    """One that has no policy indeed."""


class _Said(msgspec.Struct):
    base: str | None
    deadline_s: float | None
    id: str
    mode: str | None
    priority: int
    repo: str | None
    target: str | None
    tasks: list[SaidTask]
    title: str
    verify: str | None
    workers: int | None


_PLAIN_TASKS = msgspec.json.Decoder(list[_PlainTask])


def sorted_plainly(written: str, mode: str) -> str | None:
    """What ``sorted_json`` says of one whose tasks are plain, in a quarter of the time, from its JSON text; None: only
    that way can tell. ``mode`` is that of one which says none."""
    try:
        said = msgspec.json.decode(written, type=_Said)
    except msgspec.DecodeError:  # agents with more to be said of them, or text that says it in another way
        return None
    said.mode = said.mode or mode
    return _written_plainly(said, said.tasks, said.deadline_s)


def sha256_in_blocks(head: Any, texts: Iterable[bytes], said_of: Callable[[bytes], Any]) -> str:
    """As of all that is said at once: ``head`` without tasks, and the JSON text of these, some at a time. ``said_of``
    such a text is what is said of them."""
    before, after = sorted_json(head).split('"tasks":[]')
    found = hashlib.sha256(f'{before}"tasks":['.encode())
    for number, text in enumerate(texts):
        found.update(b"," * (number > 0) + (_tasks_plainly(text) or sorted_json(said_of(text)))[1:-1].encode())
    found.update(f"]{after}".encode())
    return found.hexdigest()


def _tasks_plainly(text: bytes) -> str | None:
    try:
        said = _PLAIN_TASKS.decode(text)
    except msgspec.DecodeError:
        return None
    return None if any(each.args or each.env for each in said) else _written_plainly(said, said)


def _written_plainly(said: Any, tasks: Sequence[SaidTask], deadline_s: float | None = None) -> str | None:
    """``said``, in which are these tasks."""
    spans = {deadline_s, *(each.timeout_s for each in tasks), *(each.stall_s for each in tasks)}
    if not all(span is None or _NO_EXPONENT_FROM <= span < _NO_EXPONENT_BELOW for span in spans):
        return None
    quick = msgspec.json.encode(said).decode()
    return quick if _needs_no_escape(quick) and "\x7f" not in quick else None  # which only ``json`` escapes


def _needs_no_escape(quick: str) -> bool:
    return quick.isascii() and "\\" not in quick


def sorted_json(value: Any) -> str:
    """As ``json.dumps`` with sorted keys and without spaces. msgspec says the same in a seventh of the time wherever no
    character must be escaped, and no number is so large or small that one of them writes it with an exponent."""
    quick = msgspec.json.encode(value, order="sorted").decode()
    says_the_same = _needs_no_escape(quick) and not _MAY_HAVE_EXPONENT.search(quick)
    return quick if says_the_same else json.dumps(value, sort_keys=True, separators=(",", ":"))

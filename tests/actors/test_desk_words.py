"""Calls that are none, refused before anybody looks at them; and errors that are told."""

from __future__ import annotations

from typing import Any

import pytest

from aidos_actors.actors.desk_words import refuse_odd
from aidos_actors.client import error_of
from aidos_actors.core.errors import (
    AidosError,
    BadInput,
    Conflict,
    NotFound,
    TimedOut,
    TryAgain,
    Unfit,
    Unreachable,
)
from aidos_actors.core.views import error_view

ODD: tuple[dict[str, Any], ...] = (
    *(
        {"verb": verb}
        for verb in ("wait", "progress", "explain", "submit", "pause", "resume", "cancel", "retry", "bump")
    ),
    {"verb": "explain", "id": "r"},
    {"verb": "status", "id": 7},
    *({"verb": "wait", "id": "r", "wait_s": odd} for odd in ([1], "abc", 10**400, float("nan"), float("inf"), None)),
    *({"verb": "events", "after_seq": odd} for odd in ("abc", float("inf"), 1.5, 10**30, None)),
    {"verb": "events", "limit": "all"},
    {"verb": "events", "requirement": ["r"]},
    *({"verb": "pause", "id": "r", "task": odd} for odd in (["a"], {"a": 1}, 1)),
    *({"verb": "drain", "drain_s": odd} for odd in ("x", [], -float("inf"))),
    {"verb": "submit", "document": {"id": "r"}},
    {"verb": "submit", "document": "{}", "base_commit": 1},
)
RIGHT: tuple[dict[str, Any], ...] = (
    {"verb": "status"},
    {"verb": "status", "id": None},
    {"verb": "events", "after_seq": 0, "limit": 10, "requirement": None, "wait_s": 0.5},
    {"verb": "wait", "id": "r", "wait_s": 3},
    {"verb": "pause", "id": "r", "task": None},
    {"verb": "submit", "document": "{}", "base_commit": None, "revise": False},
    {"verb": "drain", "drain_s": 0},
    {"verb": "drain"},
)


@pytest.mark.parametrize("call", ODD, ids=str)
def test_an_odd_call_is_refused(call: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        refuse_odd(call)


@pytest.mark.parametrize("call", RIGHT, ids=str)
def test_a_call_as_our_own_programs_make_it_is_not(call: dict[str, Any]) -> None:
    refuse_odd(call)


@pytest.mark.parametrize("kind", [BadInput, Conflict, NotFound, TryAgain, Unreachable, Unfit, TimedOut])
def test_an_error_that_was_told_is_the_error_that_was_raised(kind: type[AidosError]) -> None:
    told = error_of(error_view(kind("what", hint="do this")))
    assert (type(told), told.message, told.hint, told.exit_code) == (kind, "what", "do this", kind.exit_code)

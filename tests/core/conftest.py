"""The two forms of a plan in memory, for what must hold in both."""

from __future__ import annotations

import pytest

from aidos_actors.core import documents, forms, packed_rows, packed_tasks, packed_text


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every plan is a large one, and nearly nothing of it stays unpacked."""
    smallest = {
        forms: {"PACKED_FROM": 1},
        documents: {"LARGE_CHARS": 1},
        packed_tasks: {"BLOCK": 2, "UNPACKED_MAX": 1, "AT_HAND_MAX": 2},
        packed_rows: {"TOGETHER": 2, "NEAR_MAX": 2, "UNPACKED_MAX": 1},
        packed_text: {"LONG_CHARS": 1},
    }
    for module, limits in smallest.items():
        for name, value in limits.items():
            monkeypatch.setattr(module, name, value)


@pytest.fixture(params=["plain", "packed"])
def form(request: pytest.FixtureRequest) -> str:
    """The tests that ask for it hold in both forms."""
    if request.param == "packed":
        request.getfixturevalue("packed")
    return str(request.param)

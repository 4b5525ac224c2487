"""Ledgers for tests: one of each adapter with its first epoch, and a state directory that somebody has left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ledger_cases import NOON, numbered

from aidos_actors import ports
from aidos_actors.ledger.ledger import Ledger

ADAPTERS: list[Callable[[Path], ports.Ledger]] = [Ledger.open]


@pytest.fixture(params=ADAPTERS, ids=["sqlite"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ports.Ledger]:
    ledger = request.param(tmp_path / "state")
    yield ledger
    ledger.close()


@pytest.fixture
def epoch(ledger: ports.Ledger) -> int:
    return ledger.begin_epoch(NOON)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory whose ledger holds one batch and is closed."""
    with_ledger = tmp_path / "state"
    ledger = Ledger.open(with_ledger)
    ledger.apply(ledger.begin_epoch(NOON), numbered(1))
    ledger.close()
    return with_ledger

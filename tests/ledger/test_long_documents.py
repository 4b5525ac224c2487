"""A long document is written once, and stays while other rows of its requirement are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from aidos_actors.core import packed_text
from aidos_actors.core.documents import with_document_stored
from aidos_actors.core.packed_text import packed_if_long
from aidos_actors.core.records import Batch, RequirementRecord
from aidos_actors.core.states import RequirementState
from aidos_actors.ledger.ledger import Ledger


@pytest.mark.parametrize("written", ["short", "long ü"])
def test_a_document_stays_until_there_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setattr(packed_text, "LONG_CHARS", 6)
    ledger = Ledger.open(tmp_path)
    epoch = ledger.begin_epoch(1.0)
    row = RequirementRecord("r", "R", RequirementState.WAITING, "sha", packed_if_long(written), 1, 5.0)
    other = replace(row, id="other", position=2, document="another")
    ledger.apply(epoch, Batch(requirements=(row, other)))
    changed = replace(with_document_stored(row), state=RequirementState.RUNNING, started_at=6.0)
    ledger.apply(epoch, Batch(requirements=(changed, changed)))
    assert ledger.requirement("r") == replace(changed, document=written)
    revised = replace(changed, document=packed_if_long("long too"))
    ledger.apply(epoch, Batch.together([Batch(requirements=(revised,)), Batch(requirements=(changed,))]))
    newest = written if isinstance(changed.document, str) else "long too"
    assert ledger.requirement("r") == replace(changed, document=newest)
    assert ledger.requirement("other") == other
    ledger.close()

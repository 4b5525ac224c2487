"""The ledger against its model (``ledger_machine.py``), and the model against bugs that were planted for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bad_disk import bad_disk
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from ledger_machine import LedgerMachine

from aidos_actors.core.errors import AidosError
from aidos_actors.core.records import Batch
from aidos_actors.ledger import ledger as ledger_module
from aidos_actors.ledger.day_files import DayFiles
from aidos_actors.ledger.errors import LedgerUnavailable
from aidos_actors.ledger.ledger import Ledger
from aidos_actors.ledger.rows import call_rows

SEED = 8
"""With it each planted bug is met soon."""

MODEL = settings(max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))


def test_the_ledger_does_what_the_model_does() -> None:
    with bad_disk() as is_sqlite_reached:
        run_state_machine_as_test(LedgerMachine, settings=MODEL)
    if not is_sqlite_reached:
        pytest.skip("Python's SQLite is no library of its own here: only the day files' disk was bad")


# The model is no better than what it finds.


def keeps_lines_of_refused_batches(bug: pytest.MonkeyPatch) -> None:
    bug.setattr(DayFiles, "settle", lambda days, last_seq, rows_after: days._folder.mkdir(exist_ok=True))


def acknowledges_what_was_refused(bug: pytest.MonkeyPatch) -> None:
    apply: Callable[..., int] = Ledger.apply

    def acknowledging(ledger: Ledger, epoch: int, batch: Batch) -> int:
        try:
            return apply(ledger, epoch, batch)
        except LedgerUnavailable:
            return ledger.last_seq()

    bug.setattr(Ledger, "apply", acknowledging)


def keeps_the_older_of_two_rows(bug: pytest.MonkeyPatch) -> None:
    upsert = ledger_module._upsert
    bug.setattr(
        ledger_module, "_upsert", lambda *which: f"{upsert(*which).partition(' ON CONFLICT')[0]} ON CONFLICT DO NOTHING"
    )


def commits_events_before_their_rows(bug: pytest.MonkeyPatch) -> None:
    _commits_after(bug, "_append")


def accepts_before_the_rest(bug: pytest.MonkeyPatch) -> None:
    _commits_after(bug, "_accept")


def _commits_after(bug: pytest.MonkeyPatch, part: str) -> None:
    write = getattr(Ledger, part)

    def writing(ledger: Ledger, driver: Any, rows: Any) -> None:
        write(ledger, driver, rows)
        driver.execute("COMMIT")
        driver.execute("BEGIN IMMEDIATE")

    bug.setattr(Ledger, part, writing)


def keeps_batches_that_are_over(bug: pytest.MonkeyPatch) -> None:
    rows: Callable[..., Any] = call_rows
    bug.setattr(ledger_module, "call_rows", lambda batches: (rows(batches)[0], []))


class OnlyCalls(LedgerMachine):
    """With the rules that batches of callables need, and no others: a bug of theirs is found soon."""

    begin_epoch = apply = apply_on_a_bad_disk = None  # type: ignore[assignment]
    apply_with_another_epoch = apply_with_a_bad_event = reopen_after_damage_to_a_day_file = None  # type: ignore[assignment]


BUGS_OF_CALLS = [accepts_before_the_rest, keeps_batches_that_are_over]
BUGS = [
    *BUGS_OF_CALLS,
    keeps_lines_of_refused_batches,
    acknowledges_what_was_refused,
    keeps_the_older_of_two_rows,
    commits_events_before_their_rows,
]


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__)
def test_the_model_catches_a_planted_bug(plant: Callable[[pytest.MonkeyPatch], None], monkeypatch) -> None:
    plant(monkeypatch)
    finding = settings(
        MODEL,
        max_examples=100,
        phases=[Phase.generate],
        derandomize=False,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
    )
    kind = OnlyCalls if plant in BUGS_OF_CALLS else LedgerMachine
    machine = seed(SEED)(type("Seeded", (kind,), {}))
    with bad_disk(), pytest.raises((AssertionError, ValueError, AidosError)):  # ValueError: a day file is no JSON
        run_state_machine_as_test(machine, settings=finding)

"""The laws of what an analyzer is paid for can be broken, and it is seen."""

from __future__ import annotations

import pytest

from aidos_actors.analyzers.kept import KeptPlans
from aidos_actors.analyzers.purse import Purse
from tests.simulation.whole_life import WholeLife
from tests.simulation.world import Place

ASKED_ONCE_MORE = (Place("charge-corrected", "before", 2), Place("plan-kept", "before"))


def said(life: WholeLife) -> str:
    return "; ".join(each.text for each in life.run().findings())


def tasks_of(life: WholeLife) -> dict[str, str]:
    rows = life.world.disk.tasks.values()
    return {task.id: str(task.state) for task in rows if task.requirement == "words"}


def test_a_plan_that_is_lost_twice_is_paid_for_three_times_and_one_is_taken() -> None:
    life = WholeLife(seed=2, places=ASKED_ONCE_MORE)
    assert not said(life)
    assert len(life.fates.struck) == 2 and len(life.world.model.answered) == 3
    assert tasks_of(life) == {"one-3": "done", "two-3": "removed", "mended-1": "done"}


@pytest.mark.parametrize(
    ("place", "times"),
    [
        (Place("plan-kept", "before", 2), 2),
        (Place("plan-kept", "after", 2), 1),
        (Place("replan-on-record", "before"), 1),
        (Place("replan-on-record", "after"), 1),
    ],
)
def test_another_task_is_paid_for_again_only_while_it_is_not_kept(place: Place, times: int) -> None:
    life = WholeLife(seed=2, places=(place,))
    assert not said(life)
    assert len(life.fates.struck) == 1 and len(life.world.model.mended) == times
    assert tasks_of(life) == {"one-1": "done", "two-1": "removed", f"mended-{times}": "done"}


def test_a_kept_plan_that_nobody_looks_for_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KeptPlans, "get", lambda *_args: None)
    assert "asked for a plan that is kept" in said(WholeLife(seed=2, places=(Place("plan-kept", "after"),)))


def test_spending_that_is_not_on_record_before_the_request_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A purse that writes only afterwards, and a death between the two."""
    monkeypatch.setattr(Purse, "take", lambda *_args: "")
    found = said(WholeLife(seed=2, places=(Place("charge-corrected", "before", 2),)))
    assert "requests, and" in found and "tokens on record" in found


def test_a_correction_that_is_no_more_than_a_refund_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    correct = Purse.correct
    free = lambda self, reserved, actual, day, rest_s=None: correct(self, reserved, type(actual)(calls=0), day, rest_s)  # noqa: E731
    monkeypatch.setattr(Purse, "correct", free)
    assert "tokens on record" in said(WholeLife(seed=2))

"""A Scheduler whose wall clock is set by hours, alive and between two lives, at every step of moving what is due."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aidos_actors import ledger_clock
from aidos_actors.actors.scheduler import Scheduler
from aidos_actors.core.board.timeline import Timeline
from aidos_actors.core.records import Batch, NewEvent
from aidos_actors.core.requirement import Requirement
from aidos_actors.layout import Layout
from aidos_actors.ledger.ledger import Ledger
from aidos_actors.ledger_clock import LOOK_S, LedgerClock
from supervisors import ChildSpec, SupervisorSpec
from supervisors.testing import SimulatedTree

HOURS = [5 * 3600.0, -5 * 3600.0]
SET_BY = {"s": 0.0}


class Skewed(Scheduler):
    """Its machine's clock is wrong by as much as the test says."""

    def wall(self) -> float:
        return super().wall() + SET_BY["s"]


@pytest.fixture(autouse=True)
def right() -> Iterator[None]:
    SET_BY["s"] = 0.0
    yield
    SET_BY["s"] = 0.0


def scheduler(state: Path) -> SupervisorSpec:
    args = {"state_dir": str(state), "workers_total": 1, "has_socket": False}
    return SupervisorSpec(id="root", children=[ChildSpec(id="scheduler", actor=Skewed, args=args)])


def submit(tree: SimulatedTree, deadline_s: float) -> None:
    tasks = [{"id": "a", "run": "true"}, {"id": "b", "run": "true", "needs": ["a"]}]
    model = Requirement.model_validate({"id": "r", "title": "R", "deadline_s": deadline_s, "tasks": tasks})
    answer = tree.ask("scheduler", {"verb": "submit", "document": model.model_dump_json(), "base_commit": None})
    assert answer["value"]["accepted"], answer


def state_of(tree: SimulatedTree) -> str:
    return str(tree.ask("scheduler", {"verb": "status", "id": "r"})["value"]["state"])


@pytest.mark.parametrize("by_s", HOURS)
def test_a_living_one_keeps_its_deadlines(tmp_path: Path, by_s: float) -> None:
    with SimulatedTree.start(scheduler(tmp_path), seed=1) as tree:
        submit(tree, 60)
        tree.sleep(20)
        SET_BY["s"] = by_s
        tree.sleep(35)
        assert state_of(tree) == "analysing", "too early"
        tree.sleep(8)
        assert state_of(tree) == "failed", "too late"


@pytest.mark.parametrize("by_s", HOURS)
def test_a_deadline_that_nobody_asks_about_comes_by_itself(tmp_path: Path, by_s: float) -> None:
    with SimulatedTree.start(scheduler(tmp_path), seed=1) as tree:
        submit(tree, 60)
        SET_BY["s"] = by_s
        tree.sleep(62)
        events = tree.ask("scheduler", {"verb": "events"})["value"]["events"]
        assert [each["type"] for each in events].count("requirement_failed") == 1


def test_a_clock_that_is_set_is_noticed_though_nothing_is_due_for_hours(tmp_path: Path) -> None:
    with SimulatedTree.start(scheduler(tmp_path), seed=1) as tree:
        submit(tree, 36_000)
        SET_BY["s"] = HOURS[0]
        tree.sleep(LOOK_S + 1)
        types = [line["type"] for line in map(json.loads, next((tmp_path / "journal").iterdir()).open())]
        assert types.count("clock_set") == 1


@pytest.mark.parametrize("by_s", HOURS)
def test_a_successor_keeps_the_deadlines_of_its_predecessor(tmp_path: Path, by_s: float) -> None:
    with SimulatedTree.start(scheduler(tmp_path), seed=1) as tree:
        submit(tree, 60)
        tree.sleep(20)
        tree.terminate_child("root", "scheduler")
        SET_BY["s"] = by_s
        tree.restart_child("root", "scheduler")
        tree.sleep(35)
        assert state_of(tree) == "analysing", "too early"
        tree.sleep(8)
        assert state_of(tree) == "failed", "too late"


@pytest.mark.parametrize("is_written", [False, True])
def test_who_dies_while_moving_leaves_enough_to_move_once(tmp_path: Path, is_written: bool) -> None:
    layout, ledger = Layout(str(tmp_path)), Ledger.open(tmp_path)
    epoch = ledger.begin_epoch(1000.0)
    assert LedgerClock(layout, ledger, 1000.0, 0.0).jump_s == 0.0
    moving = LedgerClock(layout, ledger, 4610.0, 10.0)
    assert moving.jump_s == 3600.0
    if is_written:
        ledger.apply(epoch, Batch(events=(NewEvent(4610.0, "clock_set", data={"by_s": 3600.0}),)))
    successor = LedgerClock(layout, ledger, 4620.0, 20.0)
    assert successor.jump_s == (0.0 if is_written else 3600.0)
    successor.moved()
    assert LedgerClock(layout, ledger, 4630.0, 30.0).jump_s == 0.0
    ledger.close()


def test_how_long_the_machine_slept_is_told_apart_and_kept_until_all_is_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = [100.0]
    monkeypatch.setattr(ledger_clock, "machine_slept_s", lambda: slept[0])
    layout, ledger = Layout(str(tmp_path)), Ledger.open(tmp_path)
    clock = LedgerClock(layout, ledger, 1000.0, 0.0)
    slept[0] = 700.0
    assert (clock.follow(1610.0, 10.0), clock.slept_s) == (600.0, 600.0)
    clock.moved()
    assert (clock.follow(5220.0, 20.0), clock.slept_s) == (3600.0, 0.0)
    slept[0] = 900.0
    for _ in range(2):  # the first dies before it has moved anything
        successor = LedgerClock(layout, ledger, 5430.0, 30.0)
        assert (successor.jump_s, successor.slept_s) == (3800.0, 200.0)
    successor.moved()
    successor = LedgerClock(layout, ledger, 5440.0, 40.0)
    assert (successor.jump_s, successor.slept_s) == (0.0, 0.0)
    ledger.close()


@pytest.mark.parametrize(
    "content", ["", "{", '{"boot": "another", "at": 1, "steady_s": 1, "seq": 0, "moving_from": null}']
)
def test_what_says_nothing_of_this_boot_moves_nothing(tmp_path: Path, content: str) -> None:
    ledger = Ledger.open(tmp_path)
    (tmp_path / "clock.json").write_text(content)
    clock = LedgerClock(Layout(str(tmp_path)), ledger, 5000.0, 10.0)
    assert (clock.jump_s, clock.now(12.0)) == (0.0, 5002.0)
    said: dict[str, Any] = json.loads((tmp_path / "clock.json").read_text())
    assert Timeline(said["at"], said["steady_s"]) == Timeline(5000.0, 10.0)
    ledger.close()

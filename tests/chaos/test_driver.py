"""The driver waits for stages, kills exact processes, sees them healed, and tells what it did not reach."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from aidos_actors.core.errors import BadInput
from chaos import Campaign, Kill, Report, load_report
from chaos.sight import by_command
from chaos.witness import marked_processes

FAKE = (sys.executable, str(Path(__file__).with_name("fake_aidos.py")))
FILE = "id: work\ntasks:\n  one: {run: 'true'}\n  two: {run: 'true'}\n"

Attack = Callable[..., Report]


@pytest.fixture
def attack(tmp_path: Path) -> Attack:
    """Carries out kills on the fake; what was started is gone afterwards."""

    def carry_out(*kills: Kill, fault: str = "", said: list[str] | None = None, **more: Any) -> Report:
        file, state = tmp_path / "work.yaml", tmp_path / "state"
        file.write_text(FILE)
        campaign = Campaign(
            requirement=file,
            state_dir=state,
            seed=11,
            kills=kills,
            workers=1,
            env={"FAKE_FAULT": fault},
            command=FAKE,
            look=by_command(FAKE, state),
            **{"time_limit_s": 60.0, **more},
        )
        report = campaign.run(said.append if said is not None else None)
        assert marked_processes(state) == []
        assert load_report(state) == report
        return report

    return carry_out


def pairs(report: Report) -> list[tuple[str, str]]:
    return [(kill.kind, kill.stage) for kill in report.kills]


def healed(report: Report) -> Sequence[bool]:
    return [kill.healed_s is not None and kill.healed_s > 0 for kill in report.kills]


def test_without_kills_the_verdict_is_that_of_the_run(attack: Attack) -> None:
    report = attack()
    assert report.verdict_ok, report.as_text()
    assert (report.tasks_done, report.commits, report.starts, report.kills) == (2, 0, 1, ())


def test_kills_are_delivered_in_their_stages_and_in_order_and_heal(attack: Attack) -> None:
    said: list[str] = []
    report = attack(
        Kill("worker", "running", 0.02),
        Kill("scheduler", "dispatching"),
        Kill("admin", "analysing"),
        Kill("guardian", "analysing"),
        said=said,
    )
    assert report.verdict_ok, report.as_text()
    met = [kill for kill in report.kills if kill.in_stage]  # a slow machine has others come late, and be repeated
    analysing = [("admin", "analysing"), ("guardian", "analysing")]
    pairs_met = [(kill.kind, kill.stage) for kill in met]
    assert pairs_met == [*analysing, ("worker", "running"), ("scheduler", "dispatching")]
    assert all(healed(report))
    assert len({kill.pids for kill in met}) == 4 and all(len(kill.pids) == 1 for kill in met)
    assert "seed 11" in said[0]
    assert any("worker while running" in line for line in said)


def test_the_lost_attempt_is_in_the_journal(attack: Attack, tmp_path: Path) -> None:
    report = attack(Kill("worker", "running"))
    events = [json.loads(line) for line in (tmp_path / "state/journal/2026-11-24.jsonl").read_text().splitlines()]
    lost = [(event["task"], event["attempt"]) for event in events if event["type"] == "attempt_lost"]
    assert lost == [(report.kills[0].task, report.kills[0].attempt)]


def test_a_killed_run_is_started_again_with_the_same_file(attack: Attack) -> None:
    report = attack(Kill("run", "running"), Kill("run", "dispatching"))
    assert report.verdict_ok, report.as_text()
    assert report.starts == 3
    assert report.requirements == ("work",)
    assert all(healed(report))


def test_what_does_not_fit_into_one_round_is_delivered_in_the_next(attack: Attack) -> None:
    report = attack(*[Kill("scheduler", "running")] * 4, gap_s=0.5)
    assert report.verdict_ok, report.as_text()
    assert sum(kill.in_stage for kill in report.kills) == 4, "one that came when its stage was over is tried again"
    assert report.requirements[:2] == ("work", "work-2")
    assert report.tasks_done == 2 * len(report.requirements)


def test_what_is_never_reached_is_told_and_spoils_the_verdict(attack: Attack) -> None:
    report = attack(Kill("analyzer", "running"), Kill("worker", "running"), Kill("worker", "integrating"))
    assert pairs(report) == [("worker", "running")]
    reasons = {(missed.kind, missed.stage): missed.reason for missed in report.missed}
    assert reasons.keys() == {("analyzer", "running"), ("worker", "integrating")}
    assert "2 whole rounds" in reasons["analyzer", "running"]
    assert "no repository" in reasons["worker", "integrating"]
    assert report.laws_ok and not report.verdict_ok
    assert "NOT REACHED: analyzer while running" in report.as_text()


@pytest.mark.parametrize(("fault", "law"), [("twice", "doubled"), ("orphan", "orphan"), ("refuse", "run")])
def test_a_broken_law_is_found_and_ends_the_campaign(attack: Attack, fault: str, law: str) -> None:
    report = attack(fault=fault)
    assert law in {finding.law for finding in report.findings}
    assert not report.verdict_ok
    assert report.starts == 1
    assert report.doubled == (2 if fault == "twice" else 0)


def test_a_run_that_hangs_is_ended_when_the_time_is_over(attack: Attack) -> None:
    report = attack(Kill("worker", "integrating"), fault="hang", time_limit_s=2.0)
    assert {"time", "done"} <= {finding.law for finding in report.findings}


def test_a_file_that_cannot_be_used_starts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("id: work\n")
    with pytest.raises(BadInput):
        Campaign(requirement=file, state_dir=tmp_path / "state", seed=1, kills=())
    assert not (tmp_path / "state").exists()

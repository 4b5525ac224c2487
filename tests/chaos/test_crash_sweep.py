"""What a crash sweep plans and prints, and one case of it with real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from aidos_actors.core.crash_points import CRASH_POINTS, SIDES
from chaos.command import run_command_line
from chaos.crash_sweep import Swept, sweep, table
from chaos.facts import Finding
from chaos.model_server import model_server
from chaos.sweep_cases import Case, Place, plan_cases
from chaos.sweep_words import judge_analysis, plan_of


def test_each_side_of_each_point_is_swept_with_a_second_place_and_the_seed_says_which() -> None:
    cases = list(plan_cases(3))
    assert [(case.first.point, case.first.side) for case in cases] == [(p, s) for p in CRASH_POINTS for s in SIDES]
    assert cases == list(plan_cases(3)) != list(plan_cases(4))
    assert {case.second.point for case in cases} <= set(CRASH_POINTS)
    assert all(case.places[case.struck_by] == case.first and case.places[-1] == case.second for case in cases)
    assert all(case.sooner().is_soonest for case in cases)


def test_what_was_not_reached_broke_a_law_or_came_back_late_is_named() -> None:
    case = Case(1, Place("ref-moved", "after"), Place("gate-run", "before"))
    assert Swept(case, 2, (0.1, 0.2), (), 5.0).problems == []
    assert Swept(case, 0, (), (), 5.0).problems == ["the place was never reached"]
    assert Swept(case, 1, (99.0,), (), 5.0).problems == ["back only after 99.0 s, allowed 10 s"]
    assert Swept(case, 1, (0.1,), (Finding("lost", "c1"),), 5.0).problems == ["BROKEN (lost): c1"]
    printed = table([Swept(case, 2, (0.1, 0.25), (), 5.0)])
    assert [line.split() for line in printed.splitlines()[1:]] == [
        ["gate-run", "1", "0.25", "s", "0.25", "s", "0.25", "s"],
        ["ref-moved", "1", "0.10", "s", "0.10", "s", "0.10", "s"],
    ]


def test_an_unknown_point_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command_line(["crash-sweep", "no-such-point"])
    assert ended.value.code == 2 and "no-such-point" in capsys.readouterr().err


def test_what_a_model_is_paid_for_is_judged(tmp_path: Path) -> None:
    """Nothing is in order here: paid for too often, not on record, two plans, and no commit."""
    folder = tmp_path / "state" / "analysis" / "llm"
    folder.mkdir(parents=True)
    (tmp_path / "shop").mkdir()
    (folder / "spent.json").write_text('{"calls": 1, "tokens": 150}')
    with model_server(plan_of("true")) as model:
        model.requests, model.answers = 4, 3
        assert len(list(judge_analysis(tmp_path, model, 0))) == 6
        model.requests, model.answers = 1, 1
        assert len(list(judge_analysis(tmp_path, model, 0))) == 3


@pytest.mark.chaos
def test_a_plan_that_was_paid_for_and_lost_is_asked_for_once_more() -> None:
    said: list[str] = []
    case = Case(1, Place("charge-corrected", "after", 2), Place("plan-kept", "after"))
    (swept,) = sweep([case], 1, 150.0, said.append)
    assert swept.struck == 2 and not swept.findings, "\n".join(said)


@pytest.mark.chaos
def test_a_real_run_is_ended_twice_and_done_all_the_same() -> None:
    said: list[str] = []
    case = Case(1, Place("ref-moved", "after"), Place("result-told", "before"))
    (swept,) = sweep([case], 1, 150.0, said.append)
    assert swept.struck == 2 and not swept.findings, "\n".join(said)


@pytest.mark.chaos
@pytest.mark.parametrize("side", SIDES)
def test_a_gate_that_nobody_waits_for_ends_though_git_s_actor_dies_of_it(side: str) -> None:
    said: list[str] = []
    case = Case(1, Place("work-withdrawn", side), Place("commit-confirmed", "after"))
    (swept,) = sweep([case], 1, 150.0, said.append)
    assert swept.struck == 2 and not swept.problems, "\n".join(said)

"""The report comes back as it was saved, the command line speaks it, and a bad campaign file is refused by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aidos_actors.core.errors import BadInput, NotFound
from chaos import Delivered, Finding, Missed, Report, load_report
from chaos.command import run_command_line
from chaos.experiment import KINDS, STAGES
from chaos.runner import next_round
from chaos.scene import Records
from chaos.spec import read_spec


def report(**changed: Any) -> Report:
    facts: dict[str, Any] = {
        "seed": 77,
        "requirements": ("shop",),
        "kills": (
            Delivered("worker", "running", (12,), 0.25, 1_000.0, 0.1, "shop", "index", 2),
            Delivered("worker", "running", (15,), 0.75, 1_001.0, 0.1, "shop", "page", 1, in_stage=False),
            Delivered("tree", "integrating", (1, 2, 3), None, 1_002.0, 0.0, "shop", "index", 2),
        ),
        "missed": (),
        "findings": (),
        "commits": 3,
        "tasks_done": 4,
        "starts": 2,
        "started_at": 999.0,
        "took_s": 12.5,
    }
    return Report(**{**facts, **changed})


def test_a_report_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    saved = report(missed=(Missed("admin", "running", "no"),), findings=(Finding("lost", "the commit"),))
    assert saved.save(tmp_path) == tmp_path / "chaos.json"
    assert load_report(tmp_path) == saved


def test_the_verdict_needs_all_laws_and_all_kills() -> None:
    assert report().verdict_ok
    assert not report(missed=(Missed("admin", "running", "no"),)).verdict_ok
    spoilt = report(findings=(Finding("lost", "a"), Finding("doubled", "b"), Finding("doubled", "c")))
    assert not spoilt.verdict_ok
    assert (spoilt.lost, spoilt.doubled) == (1, 2)


def test_the_text_names_the_seed_first_and_last_and_every_kill() -> None:
    lines = report(findings=(Finding("lost", "the commit c1"),)).as_text().splitlines()
    assert lines[0].startswith("seed 77")
    assert lines[-1] == "verdict FAILED, seed 77"
    assert any(line.split() == ["worker", "running", "index#2", "12", "0.250", "s"] for line in lines)
    assert any("(running: over)" in line for line in lines)
    assert any("work ended first" in line and "1 +2" in line for line in lines)
    assert any("BROKEN (lost): the commit c1" in line for line in lines)
    assert any("lost 1, doubled 0" in line for line in lines)


def test_the_time_to_heal_is_told_by_kind() -> None:
    assert report().as_dict()["rto"] == {"worker": {"kills": 2, "median_s": 0.5, "worst_s": 0.75}}


@pytest.mark.parametrize(("verdict_ok", "code"), [(True, 0), (False, 1)])
def test_report_prints_it_again(tmp_path: Path, capsys: Any, verdict_ok: bool, code: int) -> None:
    saved = report() if verdict_ok else report(findings=(Finding("lost", "the commit"),))
    saved.save(tmp_path)
    assert run_command_line(["report", str(tmp_path)]) == code
    assert capsys.readouterr().out == saved.as_text() + "\n"
    assert run_command_line(["report", str(tmp_path), "--json"]) == code
    envelope = json.loads(capsys.readouterr().out)
    assert (envelope["schema_version"], envelope["ok"], envelope["data"]["seed"]) == (1, True, 77)
    assert envelope["data"]["verdict"]["ok"] is verdict_ok


def test_a_missing_and_a_torn_report_are_told_apart(tmp_path: Path, capsys: Any) -> None:
    with pytest.raises(NotFound):
        load_report(tmp_path)
    assert run_command_line(["report", str(tmp_path), "--json"]) == 6
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "not_found"
    (tmp_path / "chaos.json").write_text('{"seed": 1')
    with pytest.raises(BadInput):
        load_report(tmp_path)


def test_list_names_what_can_be_hit(capsys: Any) -> None:
    assert run_command_line(["list", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert data["kinds"] == list(KINDS) and data["stages"] == list(STAGES)
    assert data["pairs"]["minder"] == ["running"]


def test_a_users_folder_of_our_name_shadows_nothing(tmp_path: Path) -> None:
    for name in ("supervisors", "aidos_actors"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('shadowed')\n")
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "list"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


# ---- the campaign file


def test_a_campaign_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text("requirement: shop.yaml\ntime_limit: 2m\nkinds: [worker]\n")
    spec = read_spec(file)
    assert spec.requirement == str(tmp_path / "shop.yaml")
    assert (spec.time_limit, spec.kinds, spec.stages, spec.per_pair) == (120.0, ("worker",), STAGES, 1)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("kinds: [worker]", "requirement"),
        ("requirement: a\nkinds: [wroker]", "'wroker' is no kind"),
        ("requirement: a\nstages: []", "at least one stage"),
        ("requirement: a\nkindz: [worker]", "kindz"),
        ("requirement: a\nper_pair: 0", "per_pair"),
        ("requirement: a\ntime_limit: soon", "time_limit"),
        ("- a", "mapping"),
        ("requirement: [", "no YAML"),
    ],
)
def test_a_bad_campaign_file_is_refused_by_name(tmp_path: Path, capsys: Any, text: str, named: str) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text(text)
    with pytest.raises(BadInput) as refused:
        read_spec(file)
    assert named in refused.value.message and str(file) in refused.value.message
    assert run_command_line(["run", str(file), "--state", str(tmp_path / "state")]) == 3
    assert named in capsys.readouterr().err


# ---- rounds and records


def test_the_next_round_has_another_id_and_target_and_the_same_repository() -> None:
    text = "# id: no\nid: shop  # ours\nrepo: ./shop\ntarget: 'work/shop'\ntasks:\n  id: {run: x}\n"
    assert next_round(text, 3, "/r/it's") == (
        "# id: no\nid: shop-3  # ours\nrepo: '/r/it''s'\ntarget: 'work/shop-3'\ntasks:\n  id: {run: x}\n"
    )
    assert next_round("{id: shop, tasks: {a: {run: x}}}", 2, None) is None


def test_records_of_one_round_are_those_appended_since(tmp_path: Path) -> None:
    path = tmp_path / "records.txt"
    path.write_text("index 1 k start 1 5\n")
    records = Records(path)
    records.refresh()
    assert records.records == []
    with path.open("a") as file:
        file.write("index 2 k start 2 5\nnot this\nindex 2 k e")
    records.refresh()
    assert [record.attempt for record in records.records] == [2]
    assert records.garbled == ["not this"]


def test_an_earlier_attempt_that_still_lives_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "records.txt"
    records = Records(path)
    ended = subprocess.Popen(["true"])
    ended.wait()
    path.write_text(f"index 1 k start 1 {ended.pid}\nindex 2 k start 2 {os.getpid()}\n")
    records.refresh()
    assert records.together == set()
    with path.open("a") as file:
        file.write("index 3 k start 3 5\n")
    records.refresh()
    assert records.together == {("index", 2, 3)}


def test_an_attempt_that_said_it_ended_is_not_counted_as_living(tmp_path: Path) -> None:
    path = tmp_path / "records.txt"
    records = Records(path)
    path.write_text(
        f"index 1 k start 1 {os.getpid()}\nindex 1 k end 2 {os.getpid()}\nindex 2 k start 3 {os.getpid()}\n"
    )
    records.refresh()
    assert records.together == set()

"""Each benchmark runs, and finds something for every row. How fast is not asked: the machine is busy with tests. Those
that take long are tried by ``make benchmarks``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
LIMIT_S = 150.0
OTP = "OTP: kill → replacement answering"


def run(tmp_path: Path, name: str, *words: str) -> dict[str, Any]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("AIDOS_", "PYTEST", "PYTHONPATH"))}
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *words, "--json"]
    env["TMPDIR"] = str(tmp_path)
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def checked(rows: list[dict[str, Any]], skipped: set[str]) -> list[str]:
    """The names of the rows, each of which has its samples."""
    for row in rows:
        if row["name"] in skipped:
            assert row["skipped"]
        else:
            assert row["samples"] >= 1 and 0 < row["min"] <= row["median"] <= row["max"], row
            assert row.get("verdict", "met") in ("met", "missed", "unknown")
    return [row["name"] for row in rows]


@pytest.mark.long
def test_supervision_has_every_row(tmp_path: Path) -> None:
    found = run(tmp_path, "supervision", "--kills", "1", "--runs", "1", "--actors", "4")
    assert checked(found["rows"], set() if shutil.which("erl") else {OTP}) == [
        "fork: kill → noticed",
        "plain Thespian: createActor → first answer",
        OTP,
        "kill → noticed",
        "kill → replacement answering, no state",
        "kill → replacement answering, 10 kB restored",
        "one_for_all of 20: one killed → all answering",
        "tree of 4 actors: up",
        "tree of 4 actors: down",
        "admin killed → root and actor answering",
        "default AIDOS tree: started → ready",
        "default AIDOS tree: admin killed → ready",
    ]
    goals = [row["name"] for row in found["rows"] if row.get("goals")]
    assert len(goals) == 4, goals


def test_messages_compares_each_kind_with_plain_thespian(tmp_path: Path) -> None:
    found = run(tmp_path, "messages", "--rounds", "1", "--count", "5")
    sides = ["ours", "plain Thespian", "ours / plain", "plain, less acknowledged"]
    kinds = ["tell", "ask", "ask, one at a time"]
    assert checked(found["rows"], set()) == [f"{kind}: {side}" for kind in kinds for side in sides]


def test_durable_has_every_row(tmp_path: Path) -> None:
    results = run(tmp_path, "durable", "--runs", "1", "--count", "2")["results"]
    assert list(results) == [
        "plain",
        "durable, nothing changed",
        "durable, small state",
        "durable, 10 kB state",
        "durable, with a key",
    ]
    assert all(row["median_ms"] > 0 for row in results.values())


@pytest.mark.long
def test_idle_has_every_tree(tmp_path: Path) -> None:
    trees = run(tmp_path, "idle", "--seconds", "0.1", "--runs", "1", "--settle", "0")["trees"]
    assert list(trees) == ["aidos", "served", "watched", "unwatched"]
    assert all(tree["pss_bytes_per_idle_actor"]["least"] > 0 for tree in trees.values())


@pytest.mark.long
def test_throughput_has_every_row(tmp_path: Path) -> None:
    found = run(tmp_path, "throughput", "--runs", "1", "--count", "5", "--singles", "3", "--alone")
    assert checked(found["rows"], set()) == [
        "disk: fdatasync of 1 kB",
        "drain: ours",
        "grouped submission, as a value: ours",
        "grouped submission, as a file: ours",
        "singles, accepted: ours",
        "singles, done: ours",
        "singles, done: ours / fdatasync",
    ]
    goals = [row["name"] for row in found["rows"] if row.get("goals")]
    assert len(goals) == 4, goals


def test_latency_has_every_row(tmp_path: Path) -> None:
    found = run(tmp_path, "latency", "--runs", "1", "--count", "2")
    assert checked(found["rows"], set()) == ["submit → accepted", "submit → done"]


def test_dag_has_every_row(tmp_path: Path) -> None:
    found = run(tmp_path, "dag", "--runs", "1", "--layers", "2", "--width", "4")
    name = "2 layers of 4, 3 parents each"
    assert checked(found["rows"], set()) == [name, f"{name}: each task"]


def test_commands_has_every_row(tmp_path: Path) -> None:
    found = run(tmp_path, "commands", "--runs", "1", "--count", "4")
    assert checked(found["rows"], set()) == ["command: bare subprocess", "command: ours", "command: ours beyond bare"]


@pytest.mark.long
def test_recovery_loses_nothing(tmp_path: Path) -> None:
    found = run(tmp_path, "recovery", "--runs", "1", "--kills", "1", "--count", "8")
    rows = {row["name"]: row for row in found["rows"]}
    for kind in ("worker", "scheduler", "system"):
        for what in ("lost", "recorded as done twice"):
            assert rows.pop(f"{kind}: tasks {what}")["max"] == 0
    assert checked(list(rows.values()), set()) == [
        "worker killed → its task begins again",
        "Scheduler killed → the next one has a task begun",
        "everything killed → a task begins",
    ]


@pytest.mark.long
def test_scale_compares_each_size_with_a_small_one(tmp_path: Path) -> None:
    words = ("--open", "4", "--history", "5", "--singles", "1", "--mib", "0.1")
    found = run(tmp_path, "scale", "--runs", "1", *words)
    names = checked(found["rows"], set())
    assert {"4 open: each task", "1 open: each task", "open, large / small: each task"} <= set(names)
    assert {"5 finished: Scheduler PSS", "1 finished: Scheduler PSS"} <= set(names)
    assert names[-2:] == ["requirement file of 0.1 MiB: plan", "requirement file of 0.1 MiB: peak RSS"]


def test_the_journal_forgets_what_a_new_scheduler_cuts_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from journal import Journal

    (tmp_path / "journal").mkdir()
    day = tmp_path / "journal" / "2026-01-02.jsonl"
    first, cut, next_one = (
        f'{{"seq":{seq},"type":"{kind}","by":{by}}}\n'
        for seq, kind, by in ((1, "before", 1), (2, "task_done", 1), (2, "scheduler_started", 2))
    )
    day.write_text(first)
    journal = Journal(tmp_path)
    day.write_text(first + cut + cut[:9])
    journal.wait("task_done", 1, within_s=5)
    journal.forget()
    day.write_text(first + next_one)
    journal.wait("scheduler_started", 1, within_s=5)
    assert [event["by"] for event in journal.events("task_done", "scheduler_started")] == [2]


def test_what_is_found_is_written_down_and_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["it", "--runs", "2", "--out", str(tmp_path)])
    from report import Report
    from rows import Row

    report = Report("it", "What it is.", runs=(5, "times"))
    assert report.asked().runs == 2
    rows = [
        Row("a < b", [1.0, 2.0, 4.0], goals={"median": 3.0}, how="on disk"),
        Row("below", [-1.0]),
        Row("none", skipped="why"),
    ]
    report.give(rows, disk="ext4")
    assert "on disk" in capsys.readouterr().out
    found = json.loads((tmp_path / "it.json").read_text())
    assert found["runs"] == 2 and found["machine"]["disk"] == "ext4" and len(found["rows"]) == 3
    names = [text.text for text in ElementTree.parse(tmp_path / "it.svg").iter() if text.tag.endswith("text")]
    assert {"a < b", "2 ms", "below 0", "why"} <= set(names)


@pytest.mark.parametrize(
    ("count", "goals", "at_least", "verdict"),
    [
        (1, {}, False, ""),
        (1, {"median": 1.0}, False, "met"),
        (1, {"median": 0.9}, False, "missed"),
        (1, {"median": 1.1}, True, "missed"),
        (99, {"median": 1.0, "p99": 9.0}, False, "unknown"),
        (99, {"median": 0.9, "p99": 9.0}, False, "missed"),
        (100, {"median": 1.0, "p99": 9.0}, False, "met"),
    ],
)
def test_a_goal_is_met_only_with_samples_enough(
    count: int, goals: dict[str, float], at_least: bool, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from rows import Row

    assert Row("it", [1.0] * count, goals=goals, at_least=at_least).verdict() == verdict

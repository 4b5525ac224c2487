"""Each benchmark runs, and finds something for every row. How fast is not asked: the machine is busy with tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
OTP = "OTP: kill → replacement answering"


def run(tmp_path: Path, name: str, *words: str) -> dict[str, Any]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("AIDOS_", "PYTEST", "PYTHONPATH"))}
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *words, "--json"]
    env["TMPDIR"] = str(tmp_path)
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
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


def test_idle_has_every_tree(tmp_path: Path) -> None:
    trees = run(tmp_path, "idle", "--seconds", "0.1", "--runs", "1", "--settle", "0")["trees"]
    assert list(trees) == ["aidos", "watched", "unwatched"]
    assert all(tree["pss_bytes_per_idle_actor"]["least"] > 0 for tree in trees.values())


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

"""The journal is followed while it grows and is cut, and tells which stages are open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaos.journal import Event, Tail, read_journal
from chaos.stages import Stages, closed_at
from tests.chaos.made_up import REQUIREMENT, Journal, good_journal


def write(state: Path, events: list[Event], day: str = "2026-11-24", *, rest: str = "") -> Path:
    path = state / "journal" / f"{day}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(event) + "\n" for event in events) + rest)
    return path


def seqs(events: list[Event]) -> list[int]:
    return [event["seq"] for event in events]


def test_every_event_is_taken_once_over_days_and_half_lines(tmp_path: Path) -> None:
    events = good_journal().events
    tail = Tail(tmp_path)
    assert list(tail.take()) == []
    write(tmp_path, events[:3], rest=json.dumps(events[3])[:10])
    assert seqs(list(tail.take())) == [1, 2, 3]
    write(tmp_path, events[:5])
    assert seqs(list(tail.take())) == [4, 5]
    write(tmp_path, events[:6])
    write(tmp_path, events[6:9], "2026-11-25")
    (tmp_path / "journal" / "unconfirmed.jsonl").write_text("{}\n")
    assert seqs(list(tail.take())) == [6, 7, 8, 9]
    assert seqs(read_journal(tmp_path)) == list(range(1, 10))


def test_a_tail_that_was_cut_off_comes_again(tmp_path: Path) -> None:
    events, tail = good_journal().events, Tail(tmp_path)
    write(tmp_path, events[:5])
    assert len(list(tail.take())) == 5
    write(tmp_path, events[:3])
    assert list(tail.take()) == []
    write(tmp_path, events[:4])
    assert seqs(list(tail.take())) == [4]


def test_a_last_line_without_its_end_is_no_event(tmp_path: Path) -> None:
    write(tmp_path, good_journal().events[:2], rest='{"seq": 3')
    assert seqs(read_journal(tmp_path)) == [1, 2]


def folded(journal: Journal) -> Stages:
    stages = Stages()
    for event in journal.events:
        stages.take(event)
    return stages


def open_now(journal: Journal) -> list[str]:
    return sorted(opening.stage for opening in folded(journal).open.values())


def test_stages_open_and_close_with_the_journal() -> None:
    journal = Journal().add("analysis_started")
    assert open_now(journal) == ["analysing"]
    assert open_now(journal.add("plan_recorded")) == []
    assert open_now(journal.add("attempt_leased", "index", 1, worker="root/workers/worker-2")) == ["dispatching"]
    assert open_now(journal.add("attempt_started", "index", 1, minder_pid=77)) == ["running"]
    opening = folded(journal).newest("running", REQUIREMENT)
    assert opening is not None
    assert (opening.worker, opening.minder_pid) == ("root/workers/worker-2", 77)
    journal.add("attempt_ended", "index", 1, fault="none").add("integration_started", "index", 1)
    assert open_now(journal) == ["integrating"]
    assert folded(journal).newest("integrating", "another") is None
    assert open_now(journal.add("task_done", "index", 1, commit="c")) == []
    assert folded(journal.add("requirement_done")).ended == {REQUIREMENT: "requirement_done"}


@pytest.mark.parametrize(
    ("stage", "end"),
    [
        ("analysing", "requirement_rejected"),
        ("dispatching", "attempt_lost"),
        ("dispatching", "attempt_released"),
        ("running", "attempt_lost"),
        ("running", "task_cancelled"),
        ("integrating", "attempt_conflicted"),
        ("integrating", "attempt_ended"),
    ],
)
def test_every_other_end_closes_a_stage_too(stage: str, end: str) -> None:
    begin = {"analysing": "analysis_started", "dispatching": "attempt_leased", "running": "attempt_started"}
    about = (None, None) if stage == "analysing" else ("index", 1)
    journal = Journal().add(begin.get(stage, "integration_started"), *about)
    assert open_now(journal) == [stage]
    assert open_now(journal.add(end, *about)) == []


def test_when_a_stage_closed_is_told_by_what_came_after_its_opening() -> None:
    journal = Journal()
    journal.add("attempt_ended", "index", 1, fault="none").add("integration_started", "index", 1)
    journal.events[0]["at"] = journal.events[1]["at"]  # one step of the scheduler has one moment
    opening = folded(journal).newest("integrating", REQUIREMENT)
    assert opening is not None
    assert closed_at(opening, journal.events) is None
    journal.add("task_done", "page", 1)
    assert closed_at(opening, journal.events) is None
    journal.add("task_done", "index", 1)
    assert closed_at(opening, journal.events) == journal.events[-1]["at"]


def test_progress_of_a_task_grows_when_it_starts_again() -> None:
    journal = Journal().add("attempt_started", "index", 1)
    opening = folded(journal).newest("running", REQUIREMENT)
    assert opening is not None
    before = folded(journal).progress_of(opening)
    journal.add("attempt_lost", "index", 1).add("attempt_leased", "index", 2).add("attempt_started", "page", 1)
    assert folded(journal).progress_of(opening) == before
    assert folded(journal.add("attempt_started", "index", 2)).progress_of(opening) > before

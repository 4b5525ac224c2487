"""A made-up run in which everything went well, and ways to spoil it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from chaos.facts import Commit, Evidence, GitFacts, Record
from chaos.journal import Event

REQUIREMENT = "shop"


class Journal:
    """Writes events one after the other."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, kind: str, task: str | None = None, attempt: int | None = None, **data: Any) -> Journal:
        seq = len(self.events) + 1
        about = {"requirement": REQUIREMENT, "task": task, "attempt": attempt}
        self.events.append({"seq": seq, "at": 100.0 + seq, "type": kind, **about, "epoch": 1, "data": data})
        return self

    def lost(self, task: str, attempt: int) -> Journal:
        self.add("attempt_leased", task, attempt, worker="root/workers/worker-1")
        self.add("attempt_started", task, attempt, minder_pid=4000 + attempt)
        return self.add("attempt_lost", task, attempt, reason="the worker is gone")

    def done(self, task: str, attempt: int, commit: str | None) -> Journal:
        self.add("attempt_leased", task, attempt, worker="root/workers/worker-1")
        self.add("attempt_started", task, attempt, minder_pid=4000 + attempt)
        self.add("attempt_ended", task, attempt, fault="none", exit_code=0, stage="run", error=None)
        self.add("integration_started", task, attempt)
        return self.add("task_done", task, attempt, commit=commit)


def good_journal() -> Journal:
    """Task index lost one attempt and was done by the second; task page was done at once, without a change."""
    journal = Journal().add("requirement_submitted").add("analysis_started").add("plan_recorded")
    journal.lost("index", 1).done("index", 2, "c1").done("page", 1, None).done("search", 1, "c2")
    return journal.add("requirement_done")


def good_evidence() -> Evidence:
    tasks = [{"id": name, "state": "done", "error": None} for name in ("index", "page", "search")]
    return Evidence(
        requirement=REQUIREMENT,
        events=tuple(good_journal().events),
        status={"state": "done", "tasks": tasks},
        git=GitFacts(
            base="c0",
            commits=(
                Commit("c1", ("c0",), REQUIREMENT, "index", "2"),
                Commit("c2", ("c1",), REQUIREMENT, "search", "1"),
            ),
        ),
        records=(
            Record("index", 1, "k-index", "start", 1_000, 4001),
            Record("index", 2, "k-index", "start", 2_000, 4002),
            Record("index", 2, "k-index", "end", 3_000, 4002),
            Record("search", 1, "k-search", "start", 2_500, 4003),
            Record("search", 1, "k-search", "end", 3_500, 4003),
        ),
        changing=frozenset({"index", "search"}),
    )


def with_events(evidence: Evidence, *events: Event) -> Evidence:
    """The same with more events at the end, numbered on."""
    last = evidence.events[-1]["seq"]
    more = [{**event, "seq": last + number} for number, event in enumerate(events, 1)]
    return replace(evidence, events=(*evidence.events, *more))


def without(evidence: Evidence, kind: str, task: str | None = None) -> Evidence:
    """The same without the events of a kind, numbered anew."""
    kept = [e for e in evidence.events if e["type"] != kind or (task is not None and e["task"] != task)]
    return replace(evidence, events=tuple({**event, "seq": seq} for seq, event in enumerate(kept, 1)))


def with_commits(evidence: Evidence, *commits: Commit) -> Evidence:
    assert evidence.git is not None
    return replace(evidence, git=replace(evidence.git, commits=commits))

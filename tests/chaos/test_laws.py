"""Every law holds for a good run, and each is broken by the fault it is there for."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from chaos import laws, record_laws
from chaos.facts import Commit, Evidence, GitFacts, Record, parse_records
from chaos.laws import LAWS, judge
from tests.chaos.made_up import Journal, good_evidence, with_commits, with_events, without

C1 = Commit("c1", ("c0",), "shop", "index", "2")
C2 = Commit("c2", ("c1",), "shop", "search", "1")


def event(kind: str, task: str | None, attempt: int | None, **data: Any) -> dict[str, Any]:
    return Journal().add(kind, task, attempt, **data).events[0]


def with_git(**facts: Any) -> Evidence:
    good = good_evidence()
    assert good.git is not None
    return replace(good, git=replace(good.git, **facts))


def with_records(*records: Record) -> Evidence:
    good = good_evidence()
    return replace(good, records=(*good.records, *records))


def with_status(state: str, index: str) -> Evidence:
    good = good_evidence()
    first, *rest = good.status["tasks"]
    return replace(good, status={"state": state, "tasks": [{**first, "state": index, "error": "no"}, *rest]})


def good_events(*, left_out: int) -> tuple[dict[str, Any], ...]:
    return tuple(each for each in good_evidence().events if each["seq"] != left_out)


def test_a_good_run_breaks_no_law() -> None:
    assert judge(good_evidence()) == []


def test_a_good_run_without_a_repository_breaks_no_law() -> None:
    good = without(good_evidence(), "integration_started")
    events = tuple({**e, "data": {"commit": None}} if e["type"] == "task_done" else e for e in good.events)
    assert judge(replace(good, events=events, git=None, changing=None)) == []


@pytest.mark.parametrize("is_with_worker", [True, False])
def test_what_is_cancelled_ends_by_its_worker_s_word_or_at_once(is_with_worker: bool) -> None:
    began = [] if not is_with_worker else [event("attempt_started", "last", 1, minder_pid=4004)]
    cancelled = event("attempt_cancelled", "last", 1, is_with_worker=is_with_worker)
    again = [event("attempt_leased", "last", 2), event("attempt_ended", "last", 2, fault="own")]
    events = (event("attempt_leased", "last", 1), *began, cancelled, *again)
    found = [each.text for each in judge(with_events(good_evidence(), *events)) if each.law == "doubled"]
    assert bool(found) is is_with_worker


def reverted_evidence(**more: Any) -> Evidence:
    """Task search was condemned, reverted and done again."""
    journal = [
        event("task_condemned", "search", 1, commit="c2", error="red"),
        event("task_reverted", "search", 1, commit="r2"),
        event("attempt_leased", "search", 2),
        event("attempt_started", "search", 2),
        event("attempt_ended", "search", 2, fault="none"),
        event("task_done", "search", 2, commit="c3"),
        event("requirement_done", None, None),
    ]
    evidence = with_events(without(good_evidence(), "requirement_done"), *journal)
    revert, again = Commit("r2", ("c2",), reverts="c2"), Commit("c3", ("r2",), "shop", "search", "2")
    return with_commits(evidence, C1, C2, replace(revert, **more), again)


def test_a_task_that_was_reverted_and_done_again_has_one_commit_that_stands() -> None:
    assert judge(reverted_evidence()) == []


BROKEN = [
    ("lost", "the commit c3 of task search is not", with_commits(reverted_evidence(), C1, C2)),
    ("doubled", "search has 2 commits", reverted_evidence(reverts="c1")),
    ("linear", "takes back c9, which does not stand", reverted_evidence(reverts="c9")),
    ("done", "is running", with_status("running", "done")),
    ("done", "task index is failed: no", with_status("failed", "failed")),
    ("done", "requirement_done 0 times", without(good_evidence(), "requirement_done")),
    ("lost", "no result of it was ever accepted", without(good_evidence(), "task_done", "page")),
    ("lost", "not accepted with a commit", replace(good_evidence(), changing=frozenset({"page"}))),
    ("lost", "the commit c2 of task search is not on the target", with_commits(good_evidence(), C1)),
    ("lost", "says it is of 'other'", with_commits(good_evidence(), C1, replace(C2, task="other"))),
    ("doubled", "was accepted twice", with_events(good_evidence(), event("task_done", "index", 2, commit="c1"))),
    ("doubled", "after the task was confirmed", with_events(good_evidence(), event("attempt_leased", "index", 3))),
    ("doubled", "attempt_started at seq", with_events(good_evidence(), event("attempt_started", "page", 1))),
    (
        "doubled",
        "task index has 2 commits",
        with_commits(good_evidence(), C1, C2, Commit("c3", ("c2",), "shop", "index", "2")),
    ),
    ("doubled", "had not ended", without(good_evidence(), "attempt_lost")),
    ("attempts", "follows attempt 2", with_events(good_evidence(), event("attempt_leased", "index", 5))),
    ("journal", "seq 7 follows seq 5", replace(good_evidence(), events=good_events(left_out=6))),
    ("linear", "expected only c1", with_commits(good_evidence(), C1, replace(C2, parents=("c0",)))),
    ("linear", "expected only c1", with_commits(good_evidence(), C1, replace(C2, parents=("c1", "x")))),
    ("linear", "of no attempt that was started", with_commits(good_evidence(), C1, C2, Commit("c3", ("c2",)))),
    ("linear", "of no attempt that was started", with_commits(good_evidence(), C1, replace(C2, attempt="7"))),
    ("fsck", "missing blob", with_git(fsck="missing blob 123")),
    ("worktree", "was left behind", with_git(worktrees=("/s/worktrees/x",))),
    ("lock", "was left behind", with_git(locks=("/r/.git/index.lock",))),
    ("orphan", "process 7", replace(good_evidence(), orphans=("process 7 lives",))),
    ("records", "no record: 'torn li'", replace(good_evidence(), garbled=("torn li",))),
    ("records", "was never started", with_records(Record("page", 9, "k-page", "start", 9_000, 5))),
    ("records", "different keys", with_records(Record("index", 2, "k-new", "beat", 2_500, 4002))),
    ("records", "given to different tasks", with_records(Record("page", 1, "k-index", "start", 9_000, 5))),
    ("doubled", "carried out 2 times", with_records(Record("index", 2, "k-index", "start", 2_001, 4009))),
    ("records", "cancelled or ended by a fault", without(good_evidence(), "attempt_lost")),
    ("doubled", "seen alive at the same moment", replace(good_evidence(), together=(("index", 1, 2),))),
    ("doubled", "before the last sign of 1", with_records(Record("index", 1, "k-index", "end", 2_100, 4001))),
    ("doubled", "before the last sign of 1", with_records(Record("index", 1, "k-index", "beat", 2_100, 4001))),
]


@pytest.mark.parametrize(("law", "text", "evidence"), BROKEN, ids=[f"{law}: {text}" for law, text, _ in BROKEN])
def test_each_fault_is_found(law: str, text: str, evidence: Evidence) -> None:
    found = judge(evidence)
    assert any(finding.law == law and text in finding.text for finding in found), found


def test_an_epoch_that_shrinks_is_found() -> None:
    good = good_evidence()
    events = ({**good.events[0], "epoch": 2}, *good.events[1:])
    assert [f.text for f in laws.journal_has_no_gap(replace(good, events=events))] == [
        "epoch 1 follows epoch 2 at seq 2"
    ]


def test_every_law_is_broken_by_one_of_the_faults() -> None:
    silent = [law.__name__ for law in LAWS if not any(list(law(evidence)) for _, _, evidence in BROKEN)]
    assert silent == []


@pytest.mark.parametrize("fault", ["own", "infra", "cancelled"])
def test_an_attempt_that_ended_by_a_fault_may_leave_a_record(fault: str) -> None:
    good = good_evidence()
    ended = {"type": "attempt_ended", "data": {"fault": fault}}
    events = tuple({**e, **ended} if e["type"] == "attempt_lost" else e for e in good.events)
    assert list(record_laws.further_records_have_a_fault(replace(good, events=events))) == []


def test_commits_of_another_requirement_are_not_doubled_ones() -> None:
    good = good_evidence()
    other = [Commit(f"d{n}", ("x",), "other", "index", "1") for n in (1, 2)]
    evidence = replace(good, git=GitFacts("c0", (C1, C2, *other)))
    assert list(laws.nothing_is_doubled(evidence)) == []


def test_records_are_read_and_what_is_none_is_told() -> None:
    lines = ["index 1 k start 17 4001", "", "index 1 k ends 18 4001", "index one k end 18 4001", "index 1 k"]
    records, garbled = parse_records(lines)
    assert records == [Record("index", 1, "k", "start", 17, 4001)]
    assert garbled == lines[2:]

"""The journal alone gives the rows, and tells when it cannot.

That no step of a board changes a row without an event is asserted where steps are written, in ``board_ledger.Ledger``:
for every test of boards and all random worlds.
"""

from __future__ import annotations

import ast
from pathlib import Path
from random import Random

import pytest
from board_bench import Bench, requirement
from board_ledger import Ledger
from board_world import KINDS, World
from msgspec.structs import replace

from aidos_actors.core.board.told_plan import PLAN_MARKS
from aidos_actors.core.journal.folded import FoldedRows, without_body
from aidos_actors.core.journal.journal import FOLDS, JournalBroken, fold
from aidos_actors.core.records import JournalEvent
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.states import RequirementState

CORE = Path(__file__).resolve().parents[2] / "aidos_actors" / "core"
SAYS_NOTHING = {
    *("scheduler_started", "stale_result_refused", "clock_set", "task_revised", "analysis_held_up"),
    *("agent_passed_over", "target_red", "target_green", "requirement_replanned"),
}
TOLD_ELSEWHERE = {"requirement_rejected", "requirement_revised", "waits_moved"}


def a_long_life(seed: int) -> Ledger:
    """What is in the ledger after two requirements have lived through everything."""
    once, grouped = {"retries": 0}, {"group": "g", "retries": 1}
    tasks = {"a": once, "b": {"needs": ["a"]}, "c": {"call": "x:y", **grouped}, "d": grouped}
    models = [requirement(tasks, repo="/repo", id="git"), requirement(tasks, id="plain", deadline_s=500.0)]
    return lived(models, seed)


def a_life_in_words(seed: int) -> Ledger:
    """The same, with plans that were found for words and may be given back."""
    once = {"retries": 0}
    tasks = {"a": once, "b": {"needs": ["a"], **once}, "c": {"needs": ["b"]}, "d": {"call": "x:y", "group": "g"}}
    return lived(
        [requirement(tasks, repo="/repo", id="git", text="Do it."), requirement(tasks, id="plain", text="It.")], seed
    )


def an_agents_life(seed: int) -> Ledger:
    """The same, with tasks that coding agents do."""
    who = {"agent": {"names": ["fast"]}, "retries": 3}
    tasks = {"a": {**who, "retries": 1}, "b": {**who, "needs": ["a"]}, "c": {**who, "group": "g"}, "d": who}
    return lived([requirement(tasks, repo="/repo", id="git"), requirement(tasks, id="plain")], seed)


def lived(models: list[Requirement], seed: int) -> Ledger:
    world, chance = World(models), Random(seed)
    for _ in range(400):
        world.act(chance.randrange(KINDS * 64))
        world.take(world.board.dispatch(world.now))
    world.calm()
    return world.ledger


@pytest.fixture(scope="module")
def lives() -> list[Ledger]:
    agents = [an_agents_life(seed) for seed in (1, 9, 12)]
    in_words = [a_life_in_words(seed) for seed in (1, 2)]
    others = [a_long_life(seed) for seed in (0, 1, 2, 6, 11, 14, 29, 64)]
    return [*agents, *in_words, *others]  # together they tell what worlds can tell


def test_every_event_that_the_core_notes_is_folded() -> None:
    noted = set(PLAN_MARKS) | {f"requirement_{how}" for how in ("done", "failed", "cancelled")}
    for path in CORE.rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Attribute) and call.func.attr in ("note", "note_of_all"):
                noted |= {kind.value for kind in call.args[:1] if isinstance(kind, ast.Constant)}
    assert noted | SAYS_NOTHING == set(FOLDS)


def test_a_whole_journal_gives_the_rows_at_once(lives: list[Ledger]) -> None:
    for ledger in lives:
        rows = fold(ledger.events)
        assert rows.requirements == {key: without_body(row) for key, row in ledger.requirements.items()}
        assert rows.tasks == {key: without_body(row) for key, row in ledger.tasks.items()}
        assert rows.attempts == ledger.attempts
        assert not rows.not_begun


def test_the_lives_tell_every_event(lives: list[Ledger]) -> None:
    told = {event.type for ledger in lives for event in ledger.events}
    untold = (SAYS_NOTHING | TOLD_ELSEWHERE) - {"stale_result_refused", "agent_passed_over", "requirement_replanned"}
    assert set(FOLDS) - told == untold - {"target_red", "target_green"}


def test_every_event_says_something(lives: list[Ledger]) -> None:
    for ledger in lives:
        for kind in {event.type for event in ledger.events} - SAYS_NOTHING:
            last = max(event.seq for event in ledger.events if event.type == kind)
            before, after = fold(ledger.events[: last - 1]), fold(ledger.events[:last])
            following = [event.type for event in ledger.events[last : last + 1]]
            is_said_twice = "bumped" in kind or (kind, following) == ("task_retried", ["task_done"])
            assert before != after or is_said_twice, f"{kind}, event {last}, says nothing"


def test_what_cannot_be_is_named() -> None:
    bench = Bench({"a": {}})
    bench.finish(bench.run())
    (done,) = [event for event in bench.ledger.events if event.type == "task_done"]
    again = replace(done, seq=len(bench.ledger.events) + 1)
    cases = {
        r"event 10, task_done of r/a/1: TaskState 'done' has no event 'complete'": again,
        r"event 10, task_done of r/z/1: .*\('r', 'z'\)": replace(again, task="z"),
        r"event 10, task_failed of r/a/1: .*'own_failures'": replace(again, type="task_failed"),
        r"event 10, task_lived of r/a/1: no such type": replace(again, type="task_lived"),
    }
    for text, event in cases.items():
        with pytest.raises(JournalBroken, match=text):
            fold([*bench.ledger.events, event])


def test_of_what_began_before_the_journal_nothing_is_known() -> None:
    bench = Bench({"a": {}})
    events = bench.ledger.events
    assert fold(events[1:]) == FoldedRows(not_begun={"r"})
    older = replace(events[0], data={"title": "R", "tasks": 1, "sha256": events[0].data["sha256"]})
    assert fold([older, *events[1:]]) == FoldedRows(not_begun={"r"})


def test_a_rejected_requirement_is_folded() -> None:
    bench = Bench()
    bench.submit(requirement({"a": {}, "b": {"needs": ["a"]}}))
    bench.dispatch()
    bench.take(bench.board.rejected("r", "no plan in it", bench.now))
    assert bench.ledger.folded.requirements["r"].state is RequirementState.FAILED


def test_the_begin_of_an_epoch_changes_no_row() -> None:
    assert fold([JournalEvent(1, 1.0, "scheduler_started", None, None, None, 1, {})]) == FoldedRows()

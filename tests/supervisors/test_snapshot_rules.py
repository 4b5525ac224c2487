"""Which snapshot a start uses, and who may write: decided purely."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from supervisors.snapshot_errors import SnapshotConflict, SnapshotUnreadable
from supervisors.snapshot_rules import SILENT_FREE, Found, Head, Record, plan
from tests.supervisors.snapshot_cases import ACTOR, text_of

GOOD = {version: text_of(version) for version in (1, 2, 3, 4)}


def found(head: Head, records: Mapping[int, object], aside: Mapping[int, object] | None = None) -> Found:
    def newest_first(texts: Mapping[int, object]) -> tuple[Record, ...]:
        return tuple(Record(version, texts[version]) for version in sorted(texts, reverse=True))

    return Found(head, newest_first(records), newest_first(aside or {}))


def used(head: Head, records: Mapping[int, object], aside: Mapping[int, object] | None = None) -> int | None:
    snapshot = plan(found(head, records, aside), ACTOR).snapshot
    return snapshot.version if snapshot else None


def test_nothing_stored_is_a_first_start() -> None:
    assert used(Head().claimed(), {}) is None


def test_the_newest_is_used_and_a_torn_one_is_passed_over_and_named() -> None:
    """BX-34."""
    assert used(Head(1, 3, 1), {1: GOOD[1], 2: GOOD[2], 3: GOOD[3]}) == 3
    torn = plan(found(Head(1, 3, 1), {1: GOOD[1], 2: GOOD[2], 3: GOOD[3][:-1]}), ACTOR)
    assert torn.snapshot is not None and torn.snapshot.version == 2
    assert torn.rejected == ("snapshot 3 is torn: the checksum does not fit the content",)
    assert torn.suspects == ()


@pytest.mark.parametrize("records", [{}, {3: "nonsense"}, {2: GOOD[3], 3: GOOD[2]}])
def test_state_that_was_there_and_cannot_be_read_is_never_an_empty_start(records: Mapping[int, object]) -> None:
    """BX-35."""
    with pytest.raises(SnapshotUnreadable):
        plan(found(Head(1, 3, 1), records), ACTOR)


def test_a_snapshot_that_raised_twice_gives_way_to_the_one_before_and_each_gets_its_turn() -> None:
    """BX-37."""
    records = {2: GOOD[2], 3: GOOD[3], 4: GOOD[4]}
    turns = [used(Head(1, 4, 1, raised), records) for raised in range(8)]
    assert turns == [4, 4, 3, 2, 4, 3, 2, 4]
    assert plan(found(Head(1, 4, 1, 3), records), ACTOR).suspects == (4, 3)


def test_the_only_snapshot_is_tried_for_ever() -> None:
    assert [used(Head(1, 1, 1, raised), {1: GOOD[1]}) for raised in range(4)] == [1, 1, 1, 1]


def test_what_was_set_aside_is_a_last_resort_only() -> None:
    aside = {4: GOOD[4]}
    assert [used(Head(1, 4, 1, raised), {3: GOOD[3]}, aside) for raised in range(4)] == [3, 3, 4, 3]
    assert used(Head(1, 4, 1), {3: "torn"}, aside) == 4


def test_a_start_that_vanished_may_have_been_killed_by_anyone() -> None:
    records = {3: GOOD[3], 4: GOOD[4]}
    silent = [used(Head(1, 4, 1 + silent), records) for silent in range(SILENT_FREE + 3)]
    assert silent == [4] * (SILENT_FREE + 2) + [3]


def test_only_the_last_incarnation_writes_and_only_the_next_version() -> None:
    """BX-38, BX-40, BX-41."""
    head = Head().claimed().written(1, 1)
    assert head.names(1, 1) and not head.names(2, 1)
    for generation, version in [(1, 1), (1, 3), (0, 2), (2, 2)]:
        with pytest.raises(SnapshotConflict) as refused:
            head.written(generation, version)
        assert (refused.value.stored, refused.value.offered) == ((1, 1), (generation, version))
    successor = head.claimed()
    with pytest.raises(SnapshotConflict):
        successor.written(1, 2)
    with pytest.raises(SnapshotConflict):
        successor.started(1)
    assert successor.written(2, 2).version == 2


def test_a_raise_counts_only_against_the_state_when_it_is_to_blame() -> None:
    blamed = Head().claimed().start_raised(1, blames_state=True)
    assert (blamed.silent, blamed.raised) == (0, 1)
    assert Head().claimed().start_raised(1, blames_state=False) == Head(1)
    assert blamed.claimed().started(2) == Head(2)


@pytest.mark.parametrize("text", [None, "", "{}x", '{"generation": -1}', '{"generation": "1"}', '{"who": 1}', "[]"])
def test_a_damaged_head_is_recognised(text: object) -> None:
    with pytest.raises(SnapshotUnreadable):
        Head.loaded(text)
    assert Head.salvaged(text, 5) == Head(version=5)

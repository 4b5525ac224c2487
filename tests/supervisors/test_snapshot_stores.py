"""What every snapshot store must do, run on each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from supervisors.ports import SnapshotStore
from supervisors.snapshot_errors import SnapshotConflict
from supervisors.snapshot_rules import plan
from supervisors.snapshots.diskcache import DiskcacheSnapshots
from supervisors.snapshots.memory import MemorySnapshots, Shelf
from tests.supervisors.snapshot_cases import ACTOR, text_of

Opener = Callable[..., SnapshotStore]


@pytest.fixture(params=["diskcache", "memory"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    shelves: dict[str, Shelf] = {}
    stores: list[SnapshotStore] = []

    def opener(actor: str = ACTOR) -> SnapshotStore:
        if request.param == "memory":
            return MemorySnapshots(shelves.setdefault(actor, Shelf()))
        stores.append(DiskcacheSnapshots(tmp_path, actor))
        return stores[-1]

    request.addfinalizer(lambda: [each.close() for each in stores])
    return opener


def versions(store: SnapshotStore) -> tuple[list[int], list[int]]:
    found = store.claim()
    return [each.version for each in found.records], [each.version for each in found.aside]


def test_what_is_written_is_found_and_exactly_the_newest_three(opened: Opener) -> None:
    """BX-43, BX-39."""
    store = opened()
    generation = store.claim().head.generation
    for version in range(1, 6):
        store.write(generation, version, text_of(version))
    store.close()
    found = opened().claim()
    assert [(each.version, each.text) for each in found.records] == [(v, text_of(v)) for v in (5, 4, 3)]
    assert (found.head.generation, found.head.version) == (generation + 1, 5)


def test_an_older_incarnation_that_wakes_up_changes_nothing(opened: Opener) -> None:
    """BX-38."""
    older, newer = opened(), opened()
    old = older.claim().head.generation
    older.write(old, 1, text_of(1))
    new = newer.claim().head.generation
    newer.write(new, 2, text_of(2, "two"))
    tries: list[Callable[[], None]] = [
        lambda: older.write(old, 2, text_of(2, "mine")),
        lambda: older.write(old, 3, text_of(3)),
        lambda: older.started(old, (1,)),
        lambda: older.start_raised(old, blames_state=True),
    ]
    for attempt in tries:
        with pytest.raises(SnapshotConflict):
            attempt()
    newer.write(new, 3, text_of(3))
    older.close()
    newer.close()
    found = opened().claim()
    assert [each.text for each in found.records] == [text_of(3), text_of(2, "two"), text_of(1)]
    assert (found.head.version, found.head.raised) == (3, 0)


def test_a_version_is_written_once_and_the_same_write_again_is_no_error(opened: Opener) -> None:
    """BX-39, BX-40, BX-41."""
    store = opened()
    generation = store.claim().head.generation
    store.write(generation, 1, text_of(1))
    store.write(generation, 1, text_of(1))
    for version in (1, 3):
        with pytest.raises(SnapshotConflict):
            store.write(generation, version, "another")
    store.write(generation, 2, text_of(2))
    store.close()
    assert versions(opened()) == ([2, 1], [])


def test_what_is_set_aside_is_kept_apart_and_bounded(opened: Opener) -> None:
    for _ in range(5):
        store = opened()
        head = store.claim().head
        for version in range(head.version + 1, head.version + 3):
            store.write(head.generation, version, text_of(version))
        store.started(head.generation, (head.version + 2,))
        store.close()
    assert versions(opened()) == ([9, 7], [10, 8, 6])


def test_how_starts_went_is_counted_until_one_succeeds(opened: Opener) -> None:
    for blames_state in (True, False, True):
        store = opened()
        store.start_raised(store.claim().head.generation, blames_state=blames_state)
        store.close()
    opened().claim()
    head = opened().claim().head
    assert (head.raised, head.silent) == (2, 2)
    store = opened()
    store.started(store.claim().head.generation)
    store.close()
    head = opened().claim().head
    assert (head.raised, head.silent) == (0, 1)


def test_names_that_begin_alike_or_hold_strange_characters_are_apart(opened: Opener) -> None:
    """BX-42, BX-39."""
    names = ["root/a", "root/a/b", "root", "root/a%2Fb", "root/..", "root/é~$HOME", "root/" + "x" * 200 + "1"]
    names.append("root/" + "x" * 200 + "2")
    for number, name in enumerate(names):
        store = opened(name)
        store.write(store.claim().head.generation, 1, text_of(1, str(number), actor=name))
        store.close()
    for number, name in enumerate(names):
        used = plan(opened(name).claim(), name).snapshot
        assert used is not None and used.body == str(number)


def test_starting_over_is_empty_and_still_fences_the_old_one(opened: Opener) -> None:
    older = opened()
    old = older.claim().head.generation
    older.write(old, 1, text_of(1))
    older.close()
    store = opened()
    store.claim()
    found = store.start_over()
    assert (found.head.version, found.records, found.aside) == (0, (), ())
    store.write(found.head.generation, 1, text_of(1, "anew"))
    store.close()
    assert [each.text for each in opened().claim().records] == [text_of(1, "anew")]


def test_closing_twice_is_no_error(opened: Opener) -> None:
    store = opened()
    store.claim()
    store.close()
    store.close()

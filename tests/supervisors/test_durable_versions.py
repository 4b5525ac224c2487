"""States that earlier and later versions of a program stored, as files that are never written again."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisors import ActorTree, ChildSpec, DurableActor, SupervisorError, SupervisorSpec
from tests.supervisors.durable_actors import Counter, CounterOfTomorrow, Fresh, NoWayBack
from tests.supervisors.snapshot_cases import ACTOR, database, store

FIXTURES = Path(__file__).parent / "fixtures" / "durable_state"


def put(state_dir: Path, version: int) -> str:
    text = (FIXTURES / f"version-{version}.snapshot").read_text()
    one = store(state_dir, ACTOR)
    head = one.claim().head
    one.write(head.generation, 1, text)
    one.started(head.generation)
    one.close()
    return text


def start(state_dir: Path, actor: type[DurableActor]) -> ActorTree:
    spec = SupervisorSpec(id="root", children=(ChildSpec(id="counter", actor=actor),))
    return ActorTree.start(spec, state_dir=state_dir)


def stored(state_dir: Path) -> list[object]:
    one = store(state_dir, ACTOR)
    records = one.claim().records
    one.close()
    return [each.text for each in records]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_state_of_every_earlier_version_is_migrated_and_kept(tmp_path: Path, version: int) -> None:
    text = put(tmp_path, version)
    with start(tmp_path, CounterOfTomorrow) as tree:
        assert tree.ask("counter", "both") == (41, 2)
        assert tree.ask("counter", ("add", 1)) == (42, 2)
        if version == 1:
            assert tree.ask("counter", ("add", 1), idempotency_key="k") == (1, 2)
    newest, *_, oldest = stored(tmp_path)
    assert '"schema": 3' in str(newest) and '"sum":42' in str(newest)
    assert oldest == text


@pytest.mark.parametrize(
    ("version", "actor", "why"),
    [
        (4, CounterOfTomorrow, "newer: state of version 4, this program knows 3"),
        (2, Counter, "newer: state of version 2, this program knows 1"),
        (1, NoWayBack, "invalid: state of version 1, and no migrate() to version 2"),
    ],
)
def test_what_this_program_cannot_read_fails_the_start_and_stays(
    tmp_path: Path, version: int, actor: type[DurableActor], why: str
) -> None:
    """BX-36."""
    text = put(tmp_path, version)
    for _ in range(2):
        with pytest.raises(SupervisorError) as failed:
            start(tmp_path, actor)
        assert failed.value.code == "start_failed" and failed.value.child == "counter" and why in failed.value.cause
    assert stored(tmp_path) == [text]


def test_nothing_readable_fails_the_start_unless_the_actor_may_begin_anew(tmp_path: Path) -> None:
    """BX-35."""
    put(tmp_path, 1)
    database(tmp_path).write_bytes(b"no database\n" * 999)
    with pytest.raises(SupervisorError) as failed:
        start(tmp_path, Counter)
    assert "SnapshotUnreadable" in failed.value.cause
    with start(tmp_path, Fresh) as tree:
        assert tree.ask("counter", ("add", 1)) == 1
        assert [event.path for event in tree.events() if event.type == "snapshots_discarded"] == [ACTOR]
    assert (database(tmp_path).parent / "unreadable-1" / "cache.db").read_bytes().startswith(b"no database")

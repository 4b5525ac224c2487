"""A descriptor that an actor watches: its call is a handler like any other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisors import ActorTree, ChildSpec, SupervisorSpec
from supervisors.testing import eventually
from tests.supervisors.listening_actor import Listening


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[ActorTree]:
    spec = SupervisorSpec(id="root", children=[ChildSpec(id="ear", actor=Listening)])
    with ActorTree.start(spec, state_dir=tmp_path) as made:
        yield made


def test_what_can_be_read_is_handled_until_nobody_listens(tree: ActorTree) -> None:
    tree.ask("ear", "one")
    eventually(lambda: tree.ask("ear", "come") == ["one"])
    tree.ask("ear", "two")
    eventually(lambda: tree.ask("ear", "come") == ["one", "two"])
    tree.ask("ear", "deaf")
    tree.ask("ear", "three")
    assert tree.ask("ear", "come") == ["one", "two"]


def test_a_raise_in_it_ends_the_actor_with_that_reason(tree: ActorTree) -> None:
    tree.ask("ear", "raise")
    eventually(lambda: tree.which_children("root")[0].restarts == 1 and tree.ask("ear", "come") == [])
    last = tree.which_children("root")[0].last_exit
    assert last is not None and last.kind == "abnormal" and "what came is bad" in last.detail

"""What an actor's ``health`` says of it is what people are shown: in virtual time and on processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisors import ActorTree, ChildSpec, SupervisorSpec
from supervisors.testing import SimulatedTree, eventually
from tests.supervisors.health_actor import Frail

Start = Callable[..., Any]


@pytest.fixture(params=[SimulatedTree, ActorTree])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Starts a tree with one frail child."""
    trees: list[Any] = []

    def begin(**args: Any) -> Any:
        child = ChildSpec(id="a", actor=Frail, args=args)
        trees.append(request.param.start(SupervisorSpec(id="root", children=(child,)), state_dir=tmp_path))
        return trees[-1]

    yield begin
    for tree in trees:
        tree.stop()


def shows(tree: Any, wanted: str | None) -> None:
    """Its child says that of itself, or will in a moment: of both the child's page and the tree's own book."""
    clock = tree if isinstance(tree, SimulatedTree) else None
    book = lambda: tree.tree()["children"][0]["node"].degraded  # noqa: E731
    eventually(lambda: (tree.which_children("root")[0].degraded, book()) == (wanted, wanted), clock=clock)


def told(tree: Any) -> list[tuple[str, str]]:
    return [(event.type, event.detail) for event in tree.events() if event.path == "root/a"]


def test_a_text_means_degraded_and_none_means_well(start: Start) -> None:
    tree = start()
    shows(tree, None)
    tree.ask("a", "two of three\n disks")
    shows(tree, "two of three disks")
    tree.ask("a", "one of three disks")
    shows(tree, "one of three disks")
    tree.ask("a", "")
    shows(tree, None)
    assert told(tree) == [("started", ""), ("degraded", "two of three disks"), ("recovered", "")]


def test_it_is_asked_at_the_start(start: Start) -> None:
    tree = start(first="no disk")
    shows(tree, "no disk")
    assert told(tree) == [("started", ""), ("degraded", "no disk")]


@pytest.mark.parametrize("raised", [ValueError("which disk?"), SystemExit("which disk?")])
def test_what_it_raises_is_shown_and_harms_nothing(start: Start, raised: BaseException) -> None:
    tree = start()
    incarnation = tree.ask("a", raised)
    shows(tree, f"health: {type(raised).__name__}: which disk?")
    assert tree.ask("a", 7) == incarnation
    shows(tree, "health: TypeError: int is neither a text nor None")
    assert tree.ask("a", None) == incarnation and tree.which_children("root")[0].restarts == 0
    shows(tree, None)


def test_it_stands_beside_the_actors_own_word(start: Start) -> None:
    tree = start()
    tree.ask("a", "own word")
    shows(tree, "works slowly")
    tree.ask("a", "no disk")
    shows(tree, "works slowly; no disk")
    tree.ask("a", None)
    shows(tree, "works slowly")

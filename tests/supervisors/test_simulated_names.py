"""Names in a simulated system: whoever has started is reached by its own at once, and nobody is taken for another,
however messages overtake one another."""

from __future__ import annotations

import pytest

from supervisors import SupervisorError, SupervisorSpec
from supervisors.testing import Faults, SimulatedTree, eventually
from tests.supervisors.busy_tree import puppet, root


def test_what_is_sent_to_two_names_of_one_actor_arrives_each_once() -> None:
    with SimulatedTree.start(root(puppet("a"), puppet("b"))) as tree:
        for number in range(30):
            tree.tell("a", ("send", "b", number))
            tree.tell("a", ("send", "root/b", -number))
        got = eventually(lambda: len(kept := tree.ask("b", "kept")) == 60 and kept, clock=tree)
        assert [n for n in got if n > 0] == list(range(1, 30)) and min(got) == -29


def test_what_has_started_can_be_reached_by_name_at_once() -> None:
    """Whichever message or report overtakes which, and however deep it stands."""
    deep = SupervisorSpec(id="one", children=(SupervisorSpec(id="two", children=(puppet("x"),)),))
    for seed in range(20):
        with SimulatedTree.start(root(deep), seed=seed, faults=Faults(delay_s=(0.0, 1.0))) as tree:
            assert tree.ask("x", ("reply", 1), timeout_s=60) == 1
            tree.start_child("two", puppet("y"))
            assert tree.ask("y", ("reply", 2), timeout_s=60) == 2
            tree.terminate_child("root", "one")
            ends = {event.path: event.reason for event in tree.events() if event.type == "exited"}
            assert {path: reason and reason.kind for path, reason in ends.items()} == {
                f"root/{path}": "shutdown" for path in ("one", "one/two", "one/two/x", "one/two/y")
            }


def test_a_name_that_comes_to_stand_for_two_fails_nobody_who_is_being_answered() -> None:
    inner = SupervisorSpec(id="sub", children=(puppet("a"),))
    for seed in range(20):
        with SimulatedTree.start(root(inner), seed=seed, faults=Faults(delay_s=(0.0, 1.0))) as tree:
            assert tree.ask("a", ("reply", 1), timeout_s=60) == 1
            tree.tell("root/sub/a", ("hang", 5.0))
            tree.start_child("root", puppet("a"))
            assert tree.ask("root/sub/a", ("reply", 2), timeout_s=60) == 2
            with pytest.raises(SupervisorError, match="not_found"):
                tree.ask("a", ("reply", 3), timeout_s=60)


def test_who_dies_with_a_supervisor_is_not_mistaken_for_who_comes_with_the_next() -> None:
    """The end of a supervisor and the start of its successor's children are told by different processes."""
    deep = SupervisorSpec(id="one", children=(SupervisorSpec(id="two", children=(puppet("x"),), max_restarts=9),))
    for seed in range(40):
        with SimulatedTree.start(root(deep), seed=seed, faults=Faults(delay_s=(0.0, 0.5))) as tree:
            for name in ("two", "one", "two"):
                tree.kill(name)
                tree.sleep(20)
                assert tree.ask("x", ("reply", 1)) == 1

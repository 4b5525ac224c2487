"""Durable actors in virtual time, killed by chance before and after each thing they do: nothing lost, nothing twice."""

from __future__ import annotations

import pytest

from supervisors import ChildSpec, SupervisorError, SupervisorSpec
from supervisors.testing import Faults, SimulatedTree
from tests.supervisors.durable_actors import Counter

STEPS = 30
TRIES_MAX = 200
SPEC = SupervisorSpec(
    id="root",
    max_restarts=100_000,
    children=(ChildSpec(id="counter", actor=Counter), ChildSpec(id="witness", actor=Counter)),
)


def surely(tree: SimulatedTree, message: object, key: str | None = None) -> object:
    for _ in range(TRIES_MAX):
        try:
            return tree.ask("counter", message, idempotency_key=key)
        except SupervisorError as error:
            assert error.code in ("restarting", "actor_failed", "timeout"), error
            tree.sleep(0.01)
    raise AssertionError(f"{message} was not answered in {TRIES_MAX} tries")


@pytest.mark.parametrize("seed", range(25))
def test_what_was_answered_is_kept_and_no_key_is_handled_twice(seed: int) -> None:
    """BX-45."""
    faults = Faults(kill=0.15, spared=frozenset({"root"}), kills_max=400)
    with SimulatedTree.start(SPEC, seed=seed) as tree:
        tree.machine.faults = faults
        answered = [surely(tree, ("add", 1), f"step {number}") for number in range(STEPS)]
        assert answered == list(range(1, STEPS + 1))
        again = [surely(tree, ("add", 1), f"step {number}") for number in range(STEPS)]
        assert again == answered
        assert surely(tree, "total") == STEPS
        assert tree.machine.kills > STEPS / 4


def test_an_actor_without_keys_never_forgets_what_it_answered() -> None:
    with SimulatedTree.start(SPEC, seed=7) as tree:
        tree.machine.faults = Faults(kill=0.15, spared=frozenset({"root"}), kills_max=200)
        highest = 0
        for _ in range(STEPS):
            told = surely(tree, ("add", 1))
            assert isinstance(told, int) and told > highest
            highest = told


def test_a_duplicate_waits_for_the_answer_that_comes_later() -> None:
    with SimulatedTree.start(SPEC) as tree:
        with pytest.raises(SupervisorError, match="timeout"):
            tree.ask("counter", ("later", 1), 0.1, idempotency_key="k")
        with pytest.raises(SupervisorError, match="timeout"):
            tree.ask("counter", ("later", 1), 0.1, idempotency_key="k")
        assert tree.ask("counter", "now") == "told"
        assert tree.ask("counter", ("later", 1), idempotency_key="k") == "at last"
        assert tree.ask("counter", "total") == 1


def test_only_so_many_answers_are_known() -> None:
    with SimulatedTree.start(SPEC) as tree:
        for number in range(Counter.answers_kept + 1):
            tree.ask("counter", ("add", 1), idempotency_key=str(number))
        assert tree.ask("counter", ("add", 1), idempotency_key="1") == 2
        assert tree.ask("counter", ("add", 1), idempotency_key="0") == Counter.answers_kept + 2

"""Limits multiply across levels: the product that is told is the number of starts that come about."""

from __future__ import annotations

from aidos_actors.tree import aidos_tree
from supervisors import ChildSpec, ErrorBudget, SupervisorSpec
from supervisors.budget import Account, failed, is_spent
from supervisors.guardian_policy import LIMIT, Revivals, revive
from supervisors.limits import LevelLimit, limits_of, starts_max, tries_max
from tests.supervisors.family_driver import Driver, child, tree

OURS = aidos_tree("", workers=2, base_env={})


def starts_of_one_system(root: SupervisorSpec, branch: SupervisorSpec) -> int:
    """How often a leaf of ``branch`` starts before ``root`` gives up, when it dies as soon as it runs."""
    starts = 0
    outer = Driver(tree(child(branch.id), max_restarts=root.max_restarts, within_s=root.within_s)).begin()
    while outer.end is None:
        inner = Driver(tree(child("leaf"), max_restarts=branch.max_restarts, within_s=branch.within_s)).begin()
        while inner.end is None:
            inner.dies("leaf")
        starts += sum(1 for what, _ in inner.told if what == "start")
        outer.dies(branch.id, inner.end.reason)
    return starts


def tries_of_one_life(budget: ErrorBudget) -> int:
    """How often an operation that always fails is tried before its process ends."""
    account, tries = Account(), 0
    while not is_spent(budget, account):
        account, tries = failed(budget, account, now=0.0, fraction=1.0), tries + 1
    return tries


def test_the_product_of_our_tree_and_its_guardian_is_what_comes_about() -> None:
    """BX-33."""
    [branch] = [each for each in OURS.children if each.id == "delivery"]
    assert isinstance(branch, SupervisorSpec)
    of_one_system = starts_of_one_system(OURS, branch)
    systems, revivals = 1, Revivals()
    while (verdict := revive(revivals, up_since=0.0, now=1.0, never_give_up=False)).delay_s is not None:
        systems, revivals = systems + 1, verdict.revivals
    assert (systems, of_one_system) == (LIMIT + 1, 11 * 21)
    assert starts_max(OURS) == systems * of_one_system == 2541
    [gitops] = [each for each in branch.children if isinstance(each, ChildSpec)]
    tries = tries_of_one_life(gitops.actor.error_budget)  # type: ignore[attr-defined]
    assert tries_max(OURS) == systems * of_one_system * tries == 25410


def test_every_supervisor_of_our_tree_is_told_with_its_limit() -> None:
    levels = limits_of(OURS)
    assert levels[0] == LevelLimit("guardian", 10, 60.0, 11, 0)
    assert [level.path for level in levels[1:]] == ["root", *(f"root/{branch.id}" for branch in OURS.children)]


def test_a_guardian_that_never_gives_up_slows_down_to_one_start_a_minute() -> None:
    revivals, delays = Revivals(), []
    for _ in range(LIMIT + 5):
        verdict = revive(revivals, up_since=0.0, now=1.0, never_give_up=True)
        revivals = verdict.revivals
        delays.append(verdict.delay_s)
    assert delays[-1] == 60.0 and None not in delays

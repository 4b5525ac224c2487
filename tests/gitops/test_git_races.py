"""What happens beside an integration: a rival publishes first, another Scheduler takes over, somebody checks the target
out or bars its name, or the worktree vanishes."""

from __future__ import annotations

from importlib import import_module

import pytest
from git_sandbox import TARGET, Sandbox

from aidos_actors.core.errors import Conflict, Fenced, NotFound, TryAgain
from aidos_actors.gitops.epoch import claim_epoch
from aidos_actors.gitops.outcomes import GateFailed, GateResult


def test_a_lost_race_is_run_again_on_the_new_head(sandbox: Sandbox) -> None:
    attempt, rival = sandbox.prepare("slow"), sandbox.prepare("fast")
    (attempt.path / "slow").write_text("slow")
    (rival.path / "fast").write_text("fast")
    gated: list[str] = []

    def gate(folder: str, tree: str) -> GateResult:
        gated.append(tree)
        if len(gated) == 1:
            sandbox.integrate(rival)
        return GateResult(0)

    assert sandbox.integrate(attempt, gate=gate).commit == sandbox.git("rev-parse", TARGET)
    assert sandbox.line() == ["shop slow", "shop fast"]
    assert gated[-1] == sandbox.git("rev-parse", f"{TARGET}^{{tree}}") != gated[0]


def test_a_race_that_is_lost_for_ever_ends(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("aidos_actors.gitops.train"), "PUBLISH_TRIES_MAX", 3)
    sandbox.do("first", {"first": "1"})
    attempt = sandbox.prepare("slow")
    (attempt.path / "slow").write_text("slow")
    tree = sandbox.git("rev-parse", "main^{tree}")

    def gate(folder: str, _: str) -> GateResult:
        head = sandbox.git("rev-parse", TARGET)
        sandbox.git("update-ref", f"refs/heads/{TARGET}", sandbox.git("commit-tree", tree, "-p", head, "-m", "rival"))
        return GateResult(0)

    with pytest.raises(TryAgain):
        sandbox.integrate(attempt, gate=gate)


def test_a_fenced_scheduler_publishes_nothing(sandbox: Sandbox) -> None:
    old = claim_epoch(str(sandbox.repo), "home-1", 4)
    assert claim_epoch(str(sandbox.repo), "home-1", 4) == old
    assert sandbox.do("before", {"a": "a"}, epoch=old).commit is not None
    new = claim_epoch(str(sandbox.repo), "home-1", 11)
    head, refs = sandbox.git("rev-parse", TARGET), sandbox.git("for-each-ref", "refs/aidos")
    attempt = sandbox.prepare("late")
    (attempt.path / "late").write_text("late")
    with pytest.raises(Fenced):
        sandbox.integrate(attempt, epoch=old)
    with pytest.raises(Fenced, match="epoch 11"):
        claim_epoch(str(sandbox.repo), "home-1", 9)
    assert (sandbox.git("rev-parse", TARGET), sandbox.git("for-each-ref", "refs/aidos")) == (head, refs)
    assert sandbox.integrate(attempt, epoch=new).commit is not None
    assert claim_epoch(str(sandbox.repo), "home-2", 1).ref != new.ref


def test_fencing_between_gate_and_publishing_is_seen(sandbox: Sandbox) -> None:
    old = claim_epoch(str(sandbox.repo), "home-1", 1)

    def gate(folder: str, tree: str) -> GateResult:
        claim_epoch(str(sandbox.repo), "home-1", 2)
        return GateResult(0)

    with pytest.raises(Fenced):
        sandbox.do("late", {"a": "a"}, epoch=old, gate=gate)
    assert sandbox.git("for-each-ref", "refs/heads/aidos", "refs/aidos/restore") == ""


def test_a_target_the_user_checked_out_meanwhile_is_not_moved(sandbox: Sandbox) -> None:
    sandbox.do("first", {"a": "a"})
    attempt = sandbox.prepare("second")
    (attempt.path / "b").write_text("b")
    elsewhere = sandbox.root / "elsewhere"
    sandbox.git("worktree", "add", "--quiet", str(elsewhere), TARGET)
    with pytest.raises(Conflict, match="elsewhere"):
        sandbox.integrate(attempt)
    sandbox.git("worktree", "remove", str(elsewhere))
    assert sandbox.integrate(attempt).commit is not None


def test_a_branch_that_bars_the_target_s_name_is_said(sandbox: Sandbox) -> None:
    attempt = sandbox.prepare("first")
    (attempt.path / "a").write_text("a")
    sandbox.git("branch", "aidos")
    with pytest.raises(Conflict, match="beside the branch aidos "):
        sandbox.integrate(attempt)


def test_a_vanished_worktree_is_not_taken_for_a_deletion_of_everything(sandbox: Sandbox) -> None:
    attempt = sandbox.prepare("gone")
    sandbox.discard(attempt)
    with pytest.raises(NotFound):
        sandbox.integrate(attempt)
    attempt.path.mkdir()
    assert isinstance(sandbox.integrate(attempt), GateFailed)

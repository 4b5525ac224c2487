"""Targets that others move, move back, delete, replace or hold: theirs is kept, and nothing is built without what is
done."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from typing import Any

import pytest
from git_sandbox import TARGET, Attempt, Sandbox

from aidos_actors.core.errors import Conflict
from aidos_actors.core.orders import AttemptKey
from aidos_actors.gitops.epoch import EpochToken, claim_epoch
from aidos_actors.gitops.git import Completed, run_here
from aidos_actors.gitops.hold import held
from aidos_actors.gitops.outcomes import Conflicted, GateResult
from aidos_actors.gitops.repair import repair_locks
from aidos_actors.gitops.train import LOST_BEFORE_HOLDING
from aidos_actors.gitops.worktrees import prepare
from supervisors.testing import eventually


def test_a_target_that_has_nothing_in_common_with_the_work_has_it_done_again(sandbox: Sandbox) -> None:
    attempt = sandbox.prepare()
    (attempt.path / "result").write_text("result")
    tree = sandbox.git("rev-parse", "main^{tree}")
    orphan = sandbox.git("commit-tree", tree, "-m", "imported anew")
    sandbox.git("update-ref", f"refs/heads/{TARGET}", orphan)
    assert isinstance(sandbox.integrate(attempt), Conflicted)
    again = sandbox.prepare(number=2)
    (again.path / "result").write_text("result")
    assert sandbox.git("rev-parse", f"{sandbox.integrate(again).commit}^") == orphan


def _moved_by_hand(sandbox: Sandbox, name: str) -> str | None:
    """A commit of somebody else on the target, as ``git push`` or ``git commit`` puts it there; None: git refused."""
    head = sandbox.git("rev-parse", "--verify", f"refs/heads/{TARGET}")
    commit = sandbox.git("commit-tree", f"{head}^{{tree}}", "-p", head, "-m", name)
    words = ["git", "update-ref", f"refs/heads/{TARGET}", commit, head]
    done = subprocess.run(words, cwd=sandbox.repo, capture_output=True, timeout=60)
    assert done.returncode == 0 or b"File exists" in done.stderr, done.stderr
    return commit if done.returncode == 0 else None


def test_a_target_that_others_move_faster_than_the_gate_answers_is_reached_and_theirs_is_kept(sandbox: Sandbox) -> None:
    sandbox.git("branch", TARGET, "main")
    attempt, theirs, refused = sandbox.prepare(), list[str](), list[str]()
    (attempt.path / "result").write_text("result")

    def gate(folder: str, tree: str) -> GateResult:
        commit = _moved_by_hand(sandbox, f"by hand {len(theirs)}")
        (theirs if commit else refused).append(commit or "")
        repair_locks(str(sandbox.repo), TARGET, now=time.time() + 3600)  # what is held is not taken for left behind
        return GateResult(0)

    assert sandbox.integrate(attempt, gate=gate).commit == sandbox.git("rev-parse", TARGET)
    assert len(theirs) == LOST_BEFORE_HOLDING and len(refused) == 1
    assert sandbox.git("rev-list", f"{sandbox.base}..{TARGET}~1").split() == theirs[::-1]
    assert _moved_by_hand(sandbox, "and then") is not None
    sandbox.discard(attempt)
    sandbox.assert_nothing_left()


def test_a_hold_ends_by_itself_and_leaves_a_lock_of_others_alone(sandbox: Sandbox) -> None:
    lock = sandbox.repo / ".git" / "refs" / "heads" / f"{TARGET}.lock"
    with held(str(sandbox.repo / ".git"), TARGET, is_wanted=True, limit_s=0.05):
        assert lock.exists() and eventually(lambda: not lock.exists())
        lock.touch()
        with held(str(sandbox.repo / ".git"), TARGET, is_wanted=True):
            assert lock.exists()
    assert lock.exists()


def _published(sandbox: Sandbox, epoch: EpochToken) -> Attempt:
    """One result is on the target; another, from the same start, is ready."""
    other = sandbox.prepare("other")
    (other.path / "other").write_text("other")
    assert sandbox.do("first", {"first": "first"}, epoch=epoch).commit is not None
    return other


def test_a_target_that_somebody_deletes_comes_back_with_what_is_done(sandbox: Sandbox) -> None:
    epoch = claim_epoch(str(sandbox.repo), "home", 1)
    other = _published(sandbox, epoch)
    first = sandbox.git("rev-parse", TARGET)
    sandbox.git("branch", "--quiet", "-D", TARGET)
    assert sandbox.prepare("later", installation="home").base_commit == first
    assert sandbox.integrate(other, epoch=epoch).commit == sandbox.git("rev-parse", TARGET)
    assert sandbox.line() == ["shop other", "shop first"]


def test_one_deleted_before_this_installation_or_requirement_began_stays_deleted(sandbox: Sandbox) -> None:
    other = _published(sandbox, claim_epoch(str(sandbox.repo), "home", 1))
    sandbox.git("branch", "--quiet", "-D", TARGET)
    elsewhere = AttemptKey("another", "one", 1)
    words = {"target": TARGET, "base_commit": sandbox.base, "installation": "home"}
    assert prepare(str(sandbox.repo), path=str(sandbox.path_of("one")), key=elsewhere, **words) == sandbox.base
    assert sandbox.integrate(other, epoch=claim_epoch(str(sandbox.repo), "away", 1)).commit is not None
    assert sandbox.line() == ["shop other"]


def test_a_target_that_somebody_moves_back_is_said_and_nothing_is_built_without_what_is_done(sandbox: Sandbox) -> None:
    epoch = claim_epoch(str(sandbox.repo), "home", 1)
    other = _published(sandbox, epoch)
    first = sandbox.git("rev-parse", TARGET)
    sandbox.git("branch", "--quiet", "--force", TARGET, "main")
    with pytest.raises(Conflict, match=f"moved back by somebody: it lacks {first[:12]} of first.*git update-ref"):
        sandbox.integrate(other, epoch=epoch)
    assert sandbox.git("rev-parse", TARGET) == sandbox.base
    sandbox.git("update-ref", f"refs/heads/{TARGET}", first[:12])
    assert sandbox.integrate(other, epoch=epoch).commit is not None
    assert sandbox.line() == ["shop other", "shop first"]


def test_a_move_that_was_announced_and_never_made_is_no_move_back(sandbox: Sandbox) -> None:
    epoch = claim_epoch(str(sandbox.repo), "home", 1)
    sandbox.git("branch", TARGET, "main")
    other, first = sandbox.prepare("other"), sandbox.prepare("first")
    (other.path / "other").write_text("other")
    (first.path / "first").write_text("first")

    def dies(argv: Sequence[str], **more: Any) -> Completed:
        if b"refs/heads/" in more["input"]:
            raise OSError("the process ends here")
        return run_here(argv, **more)

    with pytest.raises(OSError):
        sandbox.integrate(first, epoch=epoch, run=dies)
    assert sandbox.integrate(other, epoch=epoch).commit is not None
    assert sandbox.line() == ["shop other"]

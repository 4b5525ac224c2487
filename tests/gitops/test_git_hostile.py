"""Repositories as teams have them, and tasks that do to them what nobody should: nothing is lost, and nobody waits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from git_sandbox import TARGET, Attempt, Sandbox

from aidos_actors.core.errors import BadInput, Conflict, TryAgain
from aidos_actors.core.orders import AttemptKey
from aidos_actors.gitops import (
    Completed,
    Conflicted,
    EpochToken,
    GateFailed,
    GateResult,
    GitFailed,
    claim_epoch,
    inspect_repository,
    prepare,
    repair_locks,
    run_here,
)
from aidos_actors.gitops.git import Git
from aidos_actors.gitops.hold import held
from aidos_actors.gitops.stashes import STASHES, keep_stashes
from aidos_actors.gitops.train import LOST_BEFORE_HOLDING
from supervisors.testing import eventually


def _commit(sandbox: Sandbox, files: dict[str, str]) -> None:
    for name, text in files.items():
        (sandbox.repo / name).write_text(text)
    sandbox.git("add", "--all")
    sandbox.git("commit", "--quiet", "--message=more")
    sandbox.base = sandbox.git("rev-parse", "HEAD")


def _configure(sandbox: Sandbox, **settings: str) -> None:
    for name, value in settings.items():
        sandbox.git("config", f"filter.json.{name}", value)


def test_a_repository_that_was_copied_from_a_mac_keeps_files_that_differ_in_case(sandbox: Sandbox) -> None:
    sandbox.git("config", "core.ignoreCase", "true")
    attempt = sandbox.prepare()
    (attempt.path / "README").rename(attempt.path / "Readme")
    (attempt.path / "readme").write_text("another")
    assert sandbox.integrate(attempt).commit is not None
    assert sandbox.names() == [".gitignore", "Readme", "readme"]


@pytest.mark.parametrize(
    ("attributes", "settings", "named"),
    [
        ("* filter=json", {"clean": "false", "smudge": "cat", "required": "true"}, "clean filter 'json' failed"),
        ("* filter=json", {"clean": "no-such-filter", "required": "true"}, "no-such-filter"),
        ("new.json working-tree-encoding=UTF-16", {}, "BOM is required"),
        ("new.json working-tree-encoding=klingon", {}, "failed to encode"),
    ],
)
def test_content_that_the_repository_s_own_filters_refuse_is_the_task_s_failure(
    sandbox: Sandbox, attributes: str, settings: dict[str, str], named: str
) -> None:
    attempt = sandbox.prepare()
    _configure(sandbox, **settings)
    (attempt.path / ".gitattributes").write_text(f"{attributes}\n")
    (attempt.path / "new.json").write_text("{bad")
    outcome = sandbox.integrate(attempt)
    assert isinstance(outcome, GateFailed) and outcome.is_unstorable
    assert named in outcome.output_tail
    sandbox.discard(attempt)
    sandbox.assert_nothing_left()


def test_a_result_that_cannot_be_checked_out_is_refused_by_its_gate(sandbox: Sandbox) -> None:
    _configure(sandbox, clean="cat", smudge="grep -v bad", required="true")
    _commit(sandbox, {".gitattributes": "*.json filter=json\n", "good.json": "{}\n"})
    attempt = sandbox.prepare()
    (attempt.path / "good.json").write_text("bad\n")
    outcome = sandbox.integrate(attempt, gate=lambda folder, tree: GateResult(0))
    assert isinstance(outcome, GateFailed)
    assert "smudge filter json failed" in outcome.output_tail
    sandbox.discard(attempt)
    sandbox.assert_nothing_left()


@pytest.mark.parametrize("settings", [{"process": "git-nosuch run"}, {"smudge": "git-nosuch %f", "required": "true"}])
def test_a_filter_whose_program_is_missing_is_said_at_submission(sandbox: Sandbox, settings: dict[str, str]) -> None:
    _configure(sandbox, **settings)
    assert inspect_repository(str(sandbox.repo), None, TARGET).base_commit == sandbox.base  # nothing uses it
    (sandbox.repo / "deep").mkdir()
    _commit(sandbox, {"deep/.gitattributes": "*.bin filter=json -text\n"})
    with pytest.raises(BadInput, match=r"git-nosuch.*filter json") as refused:
        inspect_repository(str(sandbox.repo), None, TARGET)
    assert "Install" in refused.value.hint
    _configure(sandbox, process="", smudge="", required="false", clean="/no/such || cat")
    assert inspect_repository(str(sandbox.repo), None, TARGET).base_commit == sandbox.base


def test_settings_that_git_cannot_read_are_named(sandbox: Sandbox, isolated_home: Path) -> None:
    (isolated_home / ".gitconfig").write_text("[broken\n")
    with pytest.raises(BadInput, match=r"bad config line 1 in file .*\.gitconfig") as refused:
        inspect_repository(str(sandbox.repo), None, TARGET)
    assert "Install" not in refused.value.hint


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


def _with_submodule(sandbox: Sandbox) -> tuple[Attempt, Path]:
    library = sandbox.root / "library"
    sandbox.git("clone", "--quiet", "--bare", str(sandbox.repo), str(library))
    sandbox.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "library")
    _commit(sandbox, {})
    attempt = sandbox.prepare()
    sandbox.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", cwd=attempt.path)
    inner = attempt.path / "library"
    (inner / "README").write_text("changed\n")
    sandbox.git("-c", "user.name=x", "-c", "user.email=x@y", "commit", "--quiet", "-am", "inner", cwd=inner)
    return attempt, inner


def test_a_submodule_moved_to_a_commit_that_would_be_lost_is_refused_until_it_is_pushed(sandbox: Sandbox) -> None:
    attempt, inner = _with_submodule(sandbox)
    outcome = sandbox.integrate(attempt)
    assert isinstance(outcome, GateFailed)
    commit = sandbox.git("rev-parse", "HEAD", cwd=inner)
    assert "library" in outcome.output_tail and commit[:12] in outcome.output_tail and "push" in outcome.output_tail
    sandbox.git("push", "--quiet", "origin", "HEAD:refs/heads/main", cwd=inner)
    assert sandbox.integrate(attempt).commit is not None
    assert commit in sandbox.git("ls-tree", TARGET, "library")
    sandbox.discard(attempt)
    sandbox.assert_nothing_left()


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


# Root may write everywhere, but for one that has given up the right to.
WITHOUT_THE_RIGHT = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
INSPECT = """
import sys
from aidos_actors.core.errors import BadInput
from aidos_actors.gitops import inspect_repository
try:
    inspect_repository(sys.argv[1], None, sys.argv[2])
except BadInput as refused:
    print(refused.message)
"""


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root without setpriv")
@pytest.mark.parametrize("folder", ["", "objects", "refs/heads"])
def test_a_repository_that_cannot_be_written_is_said_at_submission(sandbox: Sandbox, folder: str) -> None:
    place = sandbox.repo / ".git" / folder
    place.chmod(0o555)
    words = [*(WITHOUT_THE_RIGHT if os.geteuid() == 0 else []), sys.executable, "-c", INSPECT]
    said = subprocess.run([*words, str(sandbox.repo), TARGET], capture_output=True, text=True, timeout=60)
    place.chmod(0o755)
    assert f"{place} cannot be written" in said.stdout, said.stderr


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


def test_a_stash_of_the_user_survives_a_task_that_clears_them(sandbox: Sandbox) -> None:
    git, stashed = Git(str(sandbox.repo)), []
    assert keep_stashes(git) == 0
    for text in ("one", "two"):
        (sandbox.repo / "README").write_text(text)
        sandbox.git("stash", "push", "--quiet")
        stashed.append(sandbox.git("rev-parse", "refs/stash"))
    assert keep_stashes(git) == 2 and keep_stashes(git) == 0
    attempt = sandbox.prepare()
    sandbox.git("stash", "clear", cwd=attempt.path)
    sandbox.git("gc", "--quiet", "--prune=now")
    sandbox.git("stash", "apply", "--quiet", f"{STASHES}/{stashed[0]}")
    assert (sandbox.repo / "README").read_text() == "one"


def test_a_prune_of_others_is_waited_for_and_what_it_took_is_written_again(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch, attempt = claim_epoch(str(sandbox.repo), "home", 1), sandbox.prepare()
    (attempt.path / "result").write_text("result")
    shutil.copy2(shutil.which("cat") or "", tmp_path / "git")  # each lives until it has read what never comes
    for name in ("gc", "prune"):
        os.mkfifo(sandbox.repo / name)
    monkeypatch.setattr("aidos_actors.gitops.pruners.WAIT_MAX_S", 0.05)
    with _at_work(sandbox, tmp_path / "git", "gc"):
        first = sandbox.do("first", {"first": "1"}, epoch=epoch).commit
    with _at_work(sandbox, tmp_path / "git", "prune") as pid, pytest.raises(TryAgain, match=f"git prune.*{pid}"):
        sandbox.integrate(attempt, epoch=epoch)
    assert sandbox.git("rev-parse", TARGET) == first

    def takes_one(argv: Sequence[str], **more: Any) -> Completed:
        done = run_here(argv, **more)
        if b"refs/aidos/restore/" in more["input"]:
            blob = sandbox.git("hash-object", str(attempt.path / "result"))
            (sandbox.repo / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
        return done

    with pytest.raises(GitFailed, match="missing blob"):
        sandbox.integrate(attempt, epoch=epoch, run=takes_one)
    assert sandbox.git("rev-parse", TARGET) == first
    assert sandbox.git("fsck", "--no-dangling", "--no-progress") == ""  # no ref of ours names what is not whole
    assert sandbox.integrate(attempt, epoch=epoch).commit == sandbox.git("rev-parse", TARGET)
    sandbox.discard(attempt)
    sandbox.assert_nothing_left()


@contextmanager
def _at_work(sandbox: Sandbox, program: Path, verb: str) -> Iterator[int]:
    with subprocess.Popen(["git", verb], executable=program, cwd=sandbox.repo) as git:
        eventually(lambda: Path(f"/proc/{git.pid}/cmdline").read_text() == f"git\0{verb}\0")
        yield git.pid
        git.kill()

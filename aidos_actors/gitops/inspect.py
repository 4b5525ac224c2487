"""What must be true of a repository before a requirement on it is accepted. Reads only."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path

from msgspec import Struct

from aidos_actors.core.errors import AidosError, BadInput, Conflict, TryAgain
from aidos_actors.gitops.filters import refuse_missing_filters
from aidos_actors.gitops.git import NOT_STARTED, Git, GitFailed, Run, run_here
from aidos_actors.gitops.repair import OUR_REASON

GIT_VERSION_MIN = (2, 38)  # the first with `merge-tree --write-tree`
LISTINGS_MAX, AGAIN_S = 5, 0.05


class Inspected(Struct, frozen=True):
    """A repository fit for a requirement. ``base_branch`` is None when HEAD is detached and no base was named."""

    repo_root: str
    base_branch: str | None
    base_commit: str


def inspect_repository(repo: str, base: str | None, target: str, run: Run = run_here) -> Inspected:
    """The top folder of ``repo`` (which may lie inside it), and where ``base`` (default: HEAD's branch) stands.

    Raises ``BadInput`` when this is no usable repository, base or branch name, ``Conflict``, saying where, when the
    user's own branches or checkouts stand in the way of ``target``, and ``TryAgain`` when git fails for another reason.
    """
    try:
        return _inspected(Git(_top_of(repo, run), run), base, target)
    except GitFailed as failed:
        raise TryAgain(failed.message, hint=failed.hint) from failed


def root_of(repo: str, run: Run = run_here) -> str:
    """The top folder of the repository that ``repo`` is or lies in, when that can be told now; else ``repo`` itself."""
    try:
        return _top_of(repo, run)
    except AidosError:
        return os.path.realpath(repo)


def _inspected(git: Git, base: str | None, target: str) -> Inspected:
    branch, commit = _base_of(git, base)
    refuse_missing_filters(git, commit)
    _refuse_read_only(Path(git.common_dir))
    refuse_impossible(git, target)
    _check_existing(git, target, branch or commit[:12], commit)
    refuse_checked_out(git, target)
    return Inspected(git.repo, branch, commit)


def refuse_checked_out(git: Git, target: str) -> None:
    """Raises ``Conflict`` when a worktree that is not ours stands on ``target``: moving it would surprise its owner."""
    for entry in _worktrees(git).split("\0\0"):
        facts = dict(line.partition(" ")[::2] for line in entry.split("\0") if line)
        is_ours = facts.get("locked", "").startswith(OUR_REASON)
        if facts.get("branch") == f"refs/heads/{target}" and not is_ours and "prunable" not in facts:
            where = facts.get("worktree", "?").encode(errors="surrogateescape").decode(errors="replace")
            raise Conflict(
                f"the target branch {target} is checked out in {where}",
                hint="Check out another branch there, or name another `target`.",
            )


def _worktrees(git: Git) -> str:
    """What git says of them. It trips over one that another git is making in that moment."""
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

    tries = Retrying(
        retry=retry_if_exception_type(GitFailed),
        stop=stop_after_attempt(LISTINGS_MAX),
        wait=wait_fixed(AGAIN_S),
        reraise=True,
    )
    listing = tries(git.call, "worktree", "list", "--porcelain", "-z")
    return listing.stdout.decode(errors="surrogateescape")


def _top_of(repo: str, run: Run) -> str:
    if not Path(repo).is_dir():
        raise BadInput(f"the repository {repo} does not exist, or is no folder", hint="Correct `repo`.")
    git = Git(repo, run)
    _check_version(git)
    try:
        if git.look("rev-parse", "--is-bare-repository").stdout.strip() == b"true":
            return git.common_dir
        top = git.look("rev-parse", "--path-format=absolute", "--show-toplevel")
    except GitFailed as failed:
        reason = next(
            (line for line in failed.stderr.splitlines() if line.strip()), f"exit code {failed.git_exit_code}"
        )
        hint = "Name the folder of a checkout or of a bare repository; `git init` makes a new one."
        if "dubious ownership" in reason:
            hint = "Run this as its owner, or allow it: `git config --global --add safe.directory THAT_FOLDER`."
        raise BadInput(
            f"{repo} cannot be used as a git repository: {reason.removeprefix('fatal: ')}", hint=hint
        ) from failed
    return top.stdout.decode(errors="surrogateescape").removesuffix("\n")


def _refuse_read_only(root: Path) -> None:
    for folder in (root, root / "objects", root / "refs", root / "refs" / "heads"):
        if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
            raise BadInput(
                f"{folder} cannot be written by this user: nothing could be committed",
                hint="Correct its owner, its mode or its mount; a clone of it that is yours does as well.",
            )


def _check_version(git: Git) -> None:
    try:
        text = git.look("version").stdout.decode(errors="replace").strip()
    except GitFailed as failed:
        if failed.git_exit_code == NOT_STARTED:
            raise BadInput(f"git could not be started: {failed.stderr}", hint="Install git 2.38 or newer.") from failed
        raise BadInput(
            f"git does not work here: {failed.stderr.strip().removeprefix('fatal: ')}",
            hint="Correct git's own configuration; `git config --list --show-origin` says where each setting is from.",
        ) from failed
    found = re.search(r"(\d+)\.(\d+)", text)
    if found is None or (int(found[1]), int(found[2])) < GIT_VERSION_MIN:
        raise BadInput(f"{text or 'this git'} is too old", hint="Install git 2.38 or newer.")


def _base_of(git: Git, base: str | None) -> tuple[str | None, str]:
    """The branch (None: detached) and the commit from which a new target starts."""
    if base is None:
        named = git.look("symbolic-ref", "--quiet", "--short", "HEAD", allowed=(0, 1))
        head = git.look("rev-parse", "--verify", "--quiet", "HEAD^{commit}", allowed=(0, 1))
        if head.exit_code != 0:
            raise BadInput(
                f"{git.repo} has no commit yet on the branch HEAD names",
                hint="Make a first commit, or name an existing branch as `base`.",
            )
        return named.stdout.decode(errors="replace").strip() or None, head.stdout.decode().strip()
    commit = git.commit_of(f"refs/heads/{base}") or git.commit_of(base)
    if commit is None:
        branches = git.text("for-each-ref", "--count=1000", "--format=%(refname:short)", "refs/heads").split("\n")
        near = get_close_matches(base, branches, n=1)
        raise BadInput(
            f"{git.repo} has no branch {base}",
            hint=f"Did you mean {near[0]}?" if near else "Correct `base`; `git branch` lists what there is.",
        )
    return base, commit


def refuse_impossible(git: Git, target: str) -> None:
    """Raises ``BadInput`` or ``Conflict`` unless git would take ``target`` for a branch beside those that exist."""
    ref = f"refs/heads/{target}"
    is_valid = git.call("check-ref-format", ref, allowed=(0, 1)).exit_code == 0
    if not is_valid or target.startswith("-") or target == "HEAD":
        raise BadInput(f"{target!r} is no valid branch name", hint="Correct `target`; see `git help check-ref-format`.")
    parts = target.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts))]
    in_the_way = [name for name in above if git.object_of(f"refs/heads/{name}")]
    below = git.text("for-each-ref", "--count=1", "--format=%(refname:lstrip=2)", f"{ref}/")
    for name in in_the_way or below.split("\n"):
        if name:
            raise Conflict(
                f"the target branch {target} cannot exist beside the branch {name} of {git.repo}:"
                " one would be a folder of the other",
                hint=f"Name another `target`, or rename {name} with `git branch -m`.",
            )


def _check_existing(git: Git, target: str, base_name: str, base: str) -> None:
    """Raises ``Conflict`` unless an existing target is a plain branch that contains the base."""
    ref = f"refs/heads/{target}"
    if git.call("symbolic-ref", "--quiet", ref, allowed=(0, 1)).exit_code == 0:
        raise Conflict(f"the target branch {target} is a symbolic ref", hint="Name another `target`.")
    head = git.commit_of(ref)
    if head and git.call("merge-base", "--is-ancestor", base, head, allowed=(0, 1)).exit_code != 0:
        raise Conflict(
            f"the target branch {target} ({head[:12]}) exists in {git.repo} and does not contain the base {base_name}"
            f" ({base[:12]})",
            hint="Name another `target`, or bring the base into it first.",
        )

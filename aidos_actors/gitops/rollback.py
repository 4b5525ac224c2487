"""Back to an earlier state of a target, asked for by a person: forward, by one revert commit for each commit since."""

from __future__ import annotations

from msgspec import Struct

from aidos_actors.core.errors import BadInput, Conflict, NotFound
from aidos_actors.gitops.git import Git, GitFailed, Run, run_here
from aidos_actors.gitops.inspect import refuse_checked_out
from aidos_actors.gitops.our_commits import our_commits
from aidos_actors.gitops.publish import RESTORE
from aidos_actors.gitops.repair import transact
from aidos_actors.gitops.revert import write_revert

ROLLED_BACK_MAX = 1000


class RestorePoint(Struct, frozen=True):
    """Where a target stood just before ``name`` was published; ``at`` is when that commit was made, RFC 3339."""

    name: str
    commit: str
    at: str
    subject: str


class RolledBack(Struct, frozen=True):
    """``target`` stands at ``commit``, whose content is that of ``to``; ``reverts`` commits were added."""

    target: str
    commit: str
    to: str
    reverts: int


def restore_points(repo: str, run: Run = run_here) -> list[RestorePoint]:
    """Those that are kept, newest first."""
    layout = "%(refname:lstrip=3)%00%(objectname)%00%(committerdate:iso-strict)%00%(contents:subject)"
    said = Git(repo, run).call("for-each-ref", "--sort=-committerdate", f"--format={layout}", RESTORE).stdout
    rows = (line.split("\0") for line in said.decode(errors="replace").splitlines())
    return [RestorePoint(*row) for row in rows]


def roll_back(repo: str, target: str, to: str, run: Run = run_here) -> RolledBack:
    """The content of ``target`` is that of the earlier commit ``to`` (or the restore point of that name), and its
    history goes on: each commit since is taken back by one of its own, newest first; all of them by one move.

    Raises ``NotFound``, ``BadInput`` when ``to`` is no earlier state of the target, ``Conflict`` when the target is
    checked out by the user or moved meanwhile; then nothing has changed.
    """
    git = Git(repo, run)
    ref = f"refs/heads/{target}"
    head = git.commit_of(ref)
    commit = git.commit_of(f"{RESTORE}/{to}") or git.commit_of(to)
    if head is None or commit is None:
        what = f"branch {target}" if head is None else f"commit or restore point {to}"
        raise NotFound(f"{repo} has no {what}", hint="`aidos git restore-points` lists what there is.")
    line = git.text("rev-list", "--first-parent", f"--max-count={ROLLED_BACK_MAX + 1}", head, f"^{commit}").split()
    if git.call("merge-base", "--is-ancestor", commit, head, allowed=(0, 1)).exit_code != 0:
        raise BadInput(f"{target} never stood at {commit[:12]}", hint="`git log --first-parent` lists where it stood.")
    if len(line) > ROLLED_BACK_MAX:
        hint = "Roll back to a later one first."
        raise BadInput(f"{commit[:12]} lies more than {ROLLED_BACK_MAX} commits back", hint=hint)
    refuse_checked_out(git, target)
    names = {each.id: each.key for each in our_commits(git, head, commit) if each.reverts is None}
    top = head
    for each in line:
        tree = git.tree_of(f"{each}^")
        top = write_revert(git, tree, top, each, names.get(each), f"Rolled back to {commit[:12]}, as somebody asked")
    if top != head:
        try:
            transact(git, [f"update {ref} {top} {head}"], f"aidos: rolled back to {commit[:12]}", target=target)
        except GitFailed as failed:
            if git.commit_of(ref) == head:
                raise
            raise Conflict(f"{target} was moved meanwhile; nothing was rolled back", hint="Try again.") from failed
        git.sync_ref(ref)
    return RolledBack(target, top, commit, len(line))

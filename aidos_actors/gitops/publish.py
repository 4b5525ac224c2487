"""One commit onto the target: how it is found again, worded, and made visible in one step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from aidos_actors import crash
from aidos_actors.core.errors import Fenced
from aidos_actors.core.orders import AttemptKey
from aidos_actors.gitops.epoch import EpochToken
from aidos_actors.gitops.git import OWN_IDENTITY, Git, GitFailed
from aidos_actors.gitops.hold import Hold
from aidos_actors.gitops.last_heads import head_ref
from aidos_actors.gitops.our_commits import our_commits, standing
from aidos_actors.gitops.pruners import make_sure_of
from aidos_actors.gitops.repair import transact
from aidos_actors.gitops.worktrees import record_of

RESTORE = "refs/aidos/restore"
TITLE_CHARACTERS_MAX = 200
STRAY_COMMITS_MAX = 1000
# How the reflog of a worktree words a commit that was made there, not one that was only visited.
MADE_HERE = ("commit", "cherry-pick", "revert", "am")


def find_published(
    git: Git, target: str, head: str, wanted: Mapping[AttemptKey, tuple[str, int]]
) -> dict[AttemptKey, str]:
    """For each attempt ``wanted`` whose task has a commit on the first-parent line of ``head``, where ``target`` stood
    a moment ago: that commit, durable. Whoever publishes on that very head then doubles nothing.

    ``wanted`` says for each the commit after which its requirement began, and the number of the last attempt that does
    not count. A commit that was reverted on that line does not count either.
    """
    found: dict[AttemptKey, str] = {}
    for base in {base for base, _after in wanted.values()}:
        names = {key.requirement for key, (its, _) in wanted.items() if its == base}
        found_here = standing(our_commits(git, head, base, names))
        for key, (its, after) in wanted.items():
            task = (key.requirement, key.task)
            mine = [
                each.id
                for each in found_here
                if (each.key.requirement, each.key.task) == task and each.key.number > after
            ]
            if its == base and mine:
                found[key] = mine[0]
    if found:
        git.sync_ref(f"refs/heads/{target}")  # its publisher may have been killed before it did
    return found


def ground_of(git: Git, worktrees: Iterable[str], head: str) -> str:
    """The commit the results go onto: ``head``, or what lay under commits their tasks themselves made on the target.

    A task that checks out the target and commits there is squashed like any other; its commits are known by the
    reflog of its own worktree.
    """
    made = {commit for worktree in worktrees for commit in _made_in(git, worktree)}
    if head not in made:
        return head
    line = git.text("rev-list", "--first-parent", f"--max-count={STRAY_COMMITS_MAX}", head, "--").split()
    return next((commit for commit in line if commit not in made), head)


def commit_tree(git: Git, tree: str, parent: str, title: str, key: AttemptKey) -> str:
    """A commit of ``tree`` with the one parent, the trailers of ``key``, and the author git is configured with."""
    message = (
        f"{subject_of(title) or key.task}\n\n"
        f"Aidos-Requirement: {key.requirement}\nAidos-Task: {key.task}\nAidos-Attempt: {key.number}\n"
    )
    return write_commit(git, tree, parent, message)


def subject_of(title: str, characters_max: int = TITLE_CHARACTERS_MAX) -> str:
    """One printable line of it."""
    return "".join(letter for letter in " ".join(title.split()) if letter.isprintable())[:characters_max].strip()


def write_commit(git: Git, tree: str, parent: str, message: str) -> str:
    """A commit that no ref names, by the author git is configured with."""
    args = ("commit-tree", tree, "-p", parent, "-F", "-")
    return git.text(*args, data=message.encode(errors="replace"), env=git.identity)


def bare_commit(git: Git, tree: str, parent: str) -> str:
    """A commit that is never published, only merged: the same tree and parent give the same commit."""
    moment = {"GIT_AUTHOR_DATE": "@0 +0000", "GIT_COMMITTER_DATE": "@0 +0000"}
    args = ("commit-tree", tree, "-p", parent, "-m", "Work of an attempt, not merged yet")
    return git.text(*args, env={**OWN_IDENTITY, **moment})


def publish(
    git: Git,
    target: str,
    commit: str,
    head: str | None,
    parent: str,
    key: AttemptKey,
    epoch: EpochToken | None,
    *,
    what: str = "",
    also: Sequence[str] = (),
    hold: Hold | None = None,
) -> bool:
    """Whether ``target`` moved from ``head`` (None: did not exist) to ``commit``, durably; False: others moved it.

    A restore point, named by ``key`` and ``what`` is done, names ``parent`` from before; ``also`` is written with it.
    Up to then ``hold`` keeps others from moving it.
    Raises ``Fenced`` when the epoch is over; then nothing has moved.
    """
    ref = f"refs/heads/{target}"
    restore = f"{RESTORE}/{key.requirement}/{key.task}-{key.number}{what}"
    reason = f"aidos: {key.requirement}/{key.task} attempt {key.number}{what}"
    guard = [f"verify {epoch.ref} {epoch.oid}"] if epoch else []
    known = [f"update {head_ref(epoch.installation, target)} {commit}"] if epoch else []
    move = f"update {ref} {commit} {head}" if head else f"create {ref} {commit}"
    try:
        crash.before("restore-point")
        transact(git, [*guard, f"update {restore} {parent}", *known, *also], reason)
        crash.after("restore-point")
        if epoch:
            _make_sure_of(git, epoch, target, commit, parent)
        if hold is not None:
            hold.let_go()  # git takes that lock itself; who is quicker now loses nothing either
        crash.before("ref-moved")
        transact(git, [*guard, move], reason, target=target)
        crash.after("ref-moved")
    except GitFailed as failed:
        if epoch and git.object_of(epoch.ref) != epoch.oid:
            raise Fenced(
                f"the epoch of this scheduler is over in {git.repo}; {target} was not moved",
                hint="A newer scheduler is at work; this one must end.",
            ) from failed
        found = git.object_of(ref)
        if found == head:
            raise
        if found != commit:
            return False
    crash.before("ref-synced")
    git.sync_ref(ref)
    crash.after("ref-synced")
    return True


def _make_sure_of(git: Git, epoch: EpochToken, target: str, commit: str, parent: str) -> None:
    """``make_sure_of``, and when it fails no ref of ours names what is not whole."""
    try:
        make_sure_of(git, commit, parent)
    except GitFailed:
        transact(git, [f"update {head_ref(epoch.installation, target)} {parent}"], "aidos: not published")
        raise


def _made_in(git: Git, worktree: str) -> Iterator[str]:
    admin = record_of(git, worktree)
    if admin is not None and (admin / "logs" / "HEAD").is_file():
        yield from _made_commits(admin / "logs" / "HEAD")


def _made_commits(log: Path) -> Iterator[str]:
    with log.open(errors="replace") as lines:
        for line in lines:
            facts, _, what = line.partition("\t")
            if what.startswith(MADE_HERE):
                yield facts.split(" ")[1]

"""One commit onto the target: how it is found again, worded, and made visible in one step."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from aidos_actors import crash
from aidos_actors.core.errors import Fenced
from aidos_actors.core.orders import AttemptKey
from aidos_actors.gitops.epoch import EpochToken
from aidos_actors.gitops.git import OWN_IDENTITY, Git, GitFailed
from aidos_actors.gitops.repair import transact
from aidos_actors.gitops.worktrees import real_path, records

OUR_TRAILERS = ("Requirement", "Task", "Attempt")
TITLE_CHARACTERS_MAX = 200
STRAY_COMMITS_MAX = 1000
# How the reflog of a worktree words a commit that was made there, not one that was only visited.
MADE_HERE = ("commit", "cherry-pick", "revert", "am")


def find_published(git: Git, target: str, head: str, target_base: str, key: AttemptKey, after: int = 0) -> str | None:
    """The commit of ``key``'s task on the first-parent line of ``head``, where ``target`` stood a moment ago, after
    ``target_base``; durable if found. Whoever publishes on that very head then doubles nothing. One of an attempt up to
    number ``after`` does not count."""
    wanted = (f"Aidos-Requirement: {key.requirement}", f"Aidos-Task: {key.task}")
    values = " ".join(f"%(trailers:key=Aidos-{name},valueonly,separator=%x2C)" for name in OUR_TRAILERS)
    lines = git.text(
        *(
            "rev-list",
            "--first-parent",
            "--no-commit-header",
            f"--format=%H {values}",
            "--fixed-strings",
            "--all-match",
        ),
        *(f"--grep={line}" for line in wanted),
        *(head, f"^{target_base}", "--"),
    )
    for line in lines.splitlines():
        commit, *found = line.split(" ")
        if found[:2] == [key.requirement, key.task] and _number_of(found[2]) > after:
            git.sync_ref(f"refs/heads/{target}")  # its publisher may have been killed before it did
            return commit
    return None


def _number_of(attempt: str) -> int:
    """Of a trailer's text. One that was tampered with counts as new: better done once than twice."""
    return int(attempt) if attempt.isascii() and attempt.isdigit() else sys.maxsize


def ground_of(git: Git, worktree: str, target: str, head: str) -> str:
    """The commit the result goes onto: ``head``, or what lay under commits the task itself made on the target.

    A task that checks out the target and commits there is squashed like any other; its commits are known by the
    reflog of its own worktree.
    """
    made = set(_made_in(git, worktree))
    if head not in made:
        return head
    line = git.text("rev-list", "--first-parent", f"--max-count={STRAY_COMMITS_MAX}", head, "--").split()
    return next((commit for commit in line if commit not in made), head)


def commit_tree(git: Git, tree: str, parent: str, title: str, key: AttemptKey) -> str:
    """A commit of ``tree`` with the one parent, the trailers of ``key``, and the author git is configured with."""
    subject = "".join(letter for letter in " ".join(title.split()) if letter.isprintable())[:TITLE_CHARACTERS_MAX]
    message = (
        f"{subject.strip() or key.task}\n\n"
        f"Aidos-Requirement: {key.requirement}\nAidos-Task: {key.task}\nAidos-Attempt: {key.number}\n"
    )
    args = ("commit-tree", tree, "-p", parent, "-F", "-")
    return git.text(*args, data=message.encode(errors="replace"), env=_identity(git))


def bare_commit(git: Git, tree: str, parent: str) -> str:
    """A commit that is never published, only merged: the same tree and parent give the same commit."""
    moment = {"GIT_AUTHOR_DATE": "@0 +0000", "GIT_COMMITTER_DATE": "@0 +0000"}
    args = ("commit-tree", tree, "-p", parent, "-m", "Work of an attempt, not merged yet")
    return git.text(*args, env={**OWN_IDENTITY, **moment})


def publish(
    git: Git, target: str, commit: str, head: str | None, parent: str, key: AttemptKey, epoch: EpochToken | None
) -> bool:
    """Whether ``target`` moved from ``head`` (None: did not exist) to ``commit``, durably; False: others moved it.

    A restore point names ``parent`` from before. Raises ``Fenced`` when the epoch is over; then nothing has moved.
    """
    ref = f"refs/heads/{target}"
    restore = f"refs/aidos/restore/{key.requirement}/{key.task}-{key.number}"
    reason = f"aidos: {key.requirement}/{key.task} attempt {key.number}"
    guard = [f"verify {epoch.ref} {epoch.oid}"] if epoch else []
    move = f"update {ref} {commit} {head}" if head else f"create {ref} {commit}"
    try:
        crash.before("restore-point")
        transact(git, [*guard, f"update {restore} {parent}"], reason)
        crash.after("restore-point")
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


def _made_in(git: Git, worktree: str) -> Iterator[str]:
    where = real_path(worktree)
    for record in records(git):
        log = record.admin / "logs" / "HEAD"
        if record.path == where and log.is_file():
            yield from _made_commits(log)


def _made_commits(log: Path) -> Iterator[str]:
    with log.open(errors="replace") as lines:
        for line in lines:
            facts, _, what = line.partition("\t")
            if what.startswith(MADE_HERE):
                yield facts.split(" ")[1]


def _identity(git: Git) -> dict[str, str]:
    """Git's configured identity; where it is not complete, our own. Never one that git guesses from the machine."""
    names = "^(user|author|committer)\\.(name|email)$"
    found = git.call("config", "-z", "--get-regexp", names, allowed=(0, 1)).stdout.decode(errors="surrogateescape")
    said = dict(entry.partition("\n")[::2] for entry in found.split("\0") if entry)
    identity: dict[str, str] = {}
    for role in ("author", "committer"):
        name, email = (said.get(f"{role}.{part}") or said.get(f"user.{part}") for part in ("name", "email"))
        if not (name and name.strip() and email and email.strip()):
            name, email = OWN_IDENTITY["GIT_AUTHOR_NAME"], OWN_IDENTITY["GIT_AUTHOR_EMAIL"]
        identity |= {f"GIT_{role.upper()}_NAME": name, f"GIT_{role.upper()}_EMAIL": email}
    return identity

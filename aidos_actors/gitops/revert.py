"""A commit of a task taken back: by one more commit on the target, never by moving the target back."""

from __future__ import annotations

from aidos_actors import crash
from aidos_actors.core.errors import TryAgain
from aidos_actors.core.orders import AttemptKey
from aidos_actors.core.target_orders import Reversal
from aidos_actors.gitops.git import Git
from aidos_actors.gitops.inspect import refuse_checked_out
from aidos_actors.gitops.line import Line
from aidos_actors.gitops.our_commits import REVERTED, our_commits
from aidos_actors.gitops.outcomes import Conflicted
from aidos_actors.gitops.publish import bare_commit, publish, subject_of, write_commit
from aidos_actors.gitops.stack import NotTheSameTree, merge_commits
from aidos_actors.gitops.train import PUBLISH_TRIES_MAX

REASON_CHARACTERS_MAX = 400
FILES_NAMED_MAX = 10


def take_back(line: Line, key: AttemptKey, target_base: str, reason: str) -> Reversal:
    """The commit of the attempt ``key`` is undone by a commit of its own on the target, exactly once.

    Raises as ``carry`` does. What does not come off cleanly, because later commits build on the same places, stays.
    """
    for _ in range(PUBLISH_TRIES_MAX):
        answer = _try_once(line, key, target_base, reason)
        if answer is not None:
            return answer
    raise TryAgain(f"{line.target} was moved by others {PUBLISH_TRIES_MAX} times in a row; {key.task} is still on it")


def _try_once(line: Line, key: AttemptKey, target_base: str, reason: str) -> Reversal | None:
    """One try on the target as it stands; None when others moved it meanwhile."""
    git = line.git
    head = git.commit_of(f"refs/heads/{line.target}")
    on_line = our_commits(git, head, target_base, {key.requirement}) if head else []
    reverts = {each.reverts: each.id for each in on_line if each.reverts}
    mine = [each for each in on_line if each.reverts is None and each.key == key]
    if head is None or not mine:
        return Reversal(None)
    commit = mine[0].id
    if commit in reverts:
        git.sync_ref(f"refs/heads/{line.target}")
        return Reversal(reverts[commit])
    undone = undo_tree(git, commit, head)
    if isinstance(undone, Conflicted):
        line.greens.not_ours_to_mend[commit] = "it does not come off cleanly"
        named = ", ".join(undone.files[:FILES_NAMED_MAX])
        return Reversal(None, commit, f"it does not come off cleanly: later commits build on {named}")
    crash.before("revert-written")
    revert = write_revert(git, undone, head, commit, key, f"The gate refused {line.target} with it: {reason}")
    crash.after("revert-written")
    if undo_tree(git, commit, head) != undone:
        raise NotTheSameTree(f"taking {commit[:12]} back gave another tree the second time; nothing was published")
    refuse_checked_out(git, line.target)
    if not publish(git, line.target, revert, head, head, key, line.epoch, what="-revert", also=line.intents):
        return None
    return Reversal(revert)


def undo_tree(git: Git, commit: str, head: str) -> str | Conflicted:
    """The tree of ``head`` without what ``commit``, which it contains, changed; or the files that are in the way."""
    return merge_commits(git, head, bare_commit(git, git.tree_of(f"{commit}^"), commit))


def write_revert(git: Git, tree: str, parent: str, commit: str, key: AttemptKey | None, why: str) -> str:
    """A commit that says what it takes back, and of which attempt, when it is of one."""
    subject = git.text("log", "-1", "--format=%s", commit)
    of_task = (
        f"Aidos-Reverted-Requirement: {key.requirement}\nAidos-Reverted-Task: {key.task}\n"
        f"Aidos-Reverted-Attempt: {key.number}\n"
        if key is not None
        else ""
    )
    body = f"    {subject_of(why, REASON_CHARACTERS_MAX)}"
    message = f'Revert "{subject_of(subject)}"\n\n{body}\n\n{of_task}{REVERTED}: {commit}\n'
    return write_commit(git, tree, parent, message)

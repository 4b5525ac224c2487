"""What GitOps does to repositories, and what stands when it dies doing so: the second part of ``crash_points``."""

from __future__ import annotations

from aidos_actors.core.crash_point import CrashPoint

OF_GITOPS = (
    CrashPoint(
        "epoch-claimed", "gitops/epoch.py", ("gitops",),
        "the repository knows the Scheduler's epoch",
        "the epoch's ref has moved and nothing was published",
        "claiming it again finds it claimed",
    ),
    CrashPoint(
        "worktree-added", "gitops/worktrees.py", ("gitops",),
        "git has made a worktree, an attempt's or a gate's",
        "a worktree without its mark, perhaps a part of one",
        "making it again discards first what stands at its path",
    ),
    CrashPoint(
        "worktree-marked", "gitops/worktrees.py", ("gitops",),
        "the worktree carries the mark that it is whole",
        "it is whole and nobody was told",
        "preparing again finds the mark and answers with its commit",
    ),
    CrashPoint(
        "task-tree-written", "gitops/stack.py", ("gitops",),
        "what a task left is a tree in the repository",
        "loose objects, and the index beside the worktree",
        "integrating again begins with a new index; the objects are the same",
    ),
    CrashPoint(
        "merge-tree-written", "gitops/stack.py", ("gitops",),
        "that tree is merged onto the target's head, or onto the stack on it",
        "loose objects that no ref names",
        "integrating again merges again",
    ),
    CrashPoint(
        "commit-written", "gitops/stack.py", ("gitops",),
        "a commit of the stack to be published is an object",
        "a commit that no ref names",
        "integrating again stacks anew; git's own gc takes the first",
    ),
    CrashPoint(
        "gate-run", "gitops/line.py", ("gitops",),
        "the gate has judged the top of a stack, or a part of it",
        "a verdict nobody heard, and the gate's worktree",
        "integrating again discards that worktree and asks the gate again",
    ),
    CrashPoint(
        "work-withdrawn", "actors/gitops.py", ("gitops",),
        "what is under way for a result that nobody wants any more is told to end, its gate with it",
        "the gate is being ended and nobody was told; its minder ends it with GitOps",
        "the Scheduler asks each new GitOps again, which finds the commit on the target, or says that none will be",
    ),
    CrashPoint(
        "restore-point", "gitops/publish.py", ("gitops",),
        "a ref names the head from before",
        "a restore point of a commit that was not published",
        "publishing again writes it over",
    ),
    CrashPoint(
        "ref-moved", "gitops/publish.py", ("gitops",),
        "the target names the new commit",
        "published, and not confirmed",
        "integrating again finds the commit by its trailers and answers with it",
    ),
    CrashPoint(
        "ref-synced", "gitops/publish.py", ("gitops",),
        "the folders that name the target are synced",
        "published and durable, and not confirmed",
        "integrating again finds the commit by its trailers and answers with it",
    ),
    CrashPoint(
        "revert-written", "gitops/revert.py", ("gitops",),
        "a commit that takes another one back is an object",
        "a commit that no ref names, and a task that waits for it",
        "reverting again writes another; one that is on the target is told by its trailers",
    ),
    CrashPoint(
        "remote-pushed", "gitops/push.py", ("gitops",),
        "the remote has what was published",
        "it is there, and the repository does not know",
        "pushing again asks the remote first, and finds it there",
    ),
    CrashPoint(
        "push-recorded", "gitops/push.py", ("gitops",),
        "a ref says what the remote has",
        "pushed and recorded, and nobody was told",
        "nobody needs to be: the next look finds nothing to push",
    ),
    CrashPoint(
        "folder-set-aside", "gitops/worktrees.py", ("gitops",),
        "the worktree's folder is in quarantine",
        "git has a record of a worktree that has no folder",
        "discarding again takes the record, and empties the quarantine",
    ),
    CrashPoint(
        "record-set-aside", "gitops/worktrees.py", ("gitops",),
        "git's record of the worktree is in quarantine",
        "both lie in quarantine",
        "the next discarding empties it",
    ),
    CrashPoint(
        "quarantine-emptied", "gitops/worktrees.py", ("gitops",),
        "what was set aside is deleted",
        "all is gone and nobody was told",
        "discarding again finds nothing and says so",
    ),
    CrashPoint(
        "restore-point-pruned", "gitops/leftovers.py", ("gitops",),
        "a restore point that nobody needs is gone",
        "others that nobody needs are still there",
        "the next sweep takes them",
    ),
    CrashPoint(
        "folder-deleted", "gitops/carry_out.py", ("gitops",),
        "the folder of a task without a repository is deleted",
        "it is gone, perhaps in part, and nobody was told",
        "deleting again deletes the rest and says so",
    ),
    CrashPoint(
        "git-word-told", "actors/gitops.py", ("gitops",),
        "the Scheduler is told that an order was carried out",
        "the word may be lost with its sender",
        "the Scheduler gives each new GitOps what is owed to it, and gets the same answer",
    ),
)  # fmt: skip

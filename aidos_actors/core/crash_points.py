"""Every effect after or before which a process may die: what then stands half done, and who makes it good.

Intent, effect, confirm. The intent of each effect is a row of the ledger (an attempt, its minder, its state), the
confirmation another; between the two stands what this table names. ``crash.before`` and ``crash.after`` are called
round each effect, once each, where ``where`` says; a test holds the two together. The sweep ends the process at every
one of these places, and the work must be done all the same: nothing lost, nothing doubled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Process = Literal["run", "scheduler", "analyzer", "gitops", "worker", "nursery", "minder"]


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """``half`` is what stands when the process ends just after the effect, ``reconciler`` who makes that good.
    ``processes`` come to it; the first is the one it is about."""

    name: str
    where: str
    processes: tuple[Process, ...]
    effect: str
    half: str
    reconciler: str


_OF_THE_SCHEDULER = (
    CrashPoint(
        "epoch-begun", "actors/scheduler.py", ("scheduler",),
        "the ledger has a new epoch",
        "the epoch is taken and nobody works under it",
        "the next Scheduler takes the one after it; numbers only grow",
    ),
    CrashPoint(
        "journal-lines", "ledger/ledger.py", ("scheduler", "run"),
        "the lines of a batch are in the day file, synced",
        "lines of events that the ledger does not have",
        "opening the ledger moves them to unconfirmed.jsonl",
    ),
    CrashPoint(
        "ledger-commit", "ledger/ledger.py", ("scheduler", "run"),
        "a batch of rows and events is committed",
        "decided, and no order of it was sent",
        "the next Scheduler works out what is owed from the rows",
    ),
    CrashPoint(
        "order-sent", "actors/scheduler.py", ("scheduler",),
        "an order is on its way to a doer",
        "one order is on its way, those after it are not",
        "each order is sent again, and carried out twice it has the effect of once",
    ),
    CrashPoint(
        "minder-on-record", "actors/scheduler.py", ("scheduler",),
        "the minder's pid and start are in the attempt's row, and Go is sent",
        "a minder waits for a Go that was not sent",
        "its worker reports it to the next Scheduler, which adopts the attempt and sends Go",
    ),
    CrashPoint(
        "result-on-record", "actors/scheduler.py", ("scheduler",),
        "the outcome of an attempt is in its row",
        "the worker still holds what is on record",
        "it tells the next Scheduler, which knows the outcome and acknowledges it",
    ),
    CrashPoint(
        "calls-on-record", "actors/scheduler.py", ("scheduler",),
        "results of callables that travelled together are in the rows of their tasks",
        "the worker still holds what is on record",
        "it tells the next Scheduler, which knows the results and has it forget them",
    ),
    CrashPoint(
        "commit-confirmed", "actors/scheduler.py", ("scheduler",),
        "the task is done, with its commit",
        "its dependents are ready and its worktree stands, and nobody was told",
        "the next Scheduler dispatches them, and owes the worktree's removal",
    ),
    CrashPoint(
        "document-stored", "blobs.py", ("run", "scheduler"),
        "a large document lies under its hash, synced",
        "a document that no requirement names",
        "the same submission finds it there; an unfinished part goes with the next that is stored",
    ),
    CrashPoint(
        "plan-built", "actors/analyzer.py", ("analyzer",),
        "the document is a plan",
        "the plan was not told",
        "the Scheduler asks each new Analyzer for what it is owed",
    ),
)  # fmt: skip

_OF_GITOPS = (
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
        "task-tree-written", "gitops/integrate.py", ("gitops",),
        "what the task left is a tree in the repository",
        "loose objects, and the index beside the worktree",
        "integrating again begins with a new index; the objects are the same",
    ),
    CrashPoint(
        "merge-tree-written", "gitops/integrate.py", ("gitops",),
        "that tree is merged onto the target's head",
        "loose objects that no ref names",
        "integrating again merges again",
    ),
    CrashPoint(
        "commit-written", "gitops/integrate.py", ("gitops",),
        "the commit to be published is an object",
        "a commit that no ref names",
        "integrating again makes another; git's own gc takes the first",
    ),
    CrashPoint(
        "gate-run", "gitops/integrate.py", ("gitops",),
        "the gate has judged the merge result",
        "a verdict nobody heard, and the gate's worktree",
        "integrating again discards that worktree and asks the gate again",
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

_BELOW_THE_WORKER = (
    CrashPoint(
        "minder-forked", "executors/keeper.py", ("nursery",),
        "the nursery has forked a minder",
        "a minder whose nursery is gone",
        "it sees that by a pidfd and ends itself; the nursery's owner starts another",
    ),
    CrashPoint(
        "minder-ready", "executors/minder.py", ("minder",),
        "the minder's owner knows its pid",
        "a pid on its way into a row, of a process that is gone",
        "waiting for it gives the outcome lost; the task runs again at no cost",
    ),
    CrashPoint(
        "command-started", "executors/minder.py", ("minder",),
        "the command runs",
        "a command without its minder",
        "the nursery, whose child it becomes, ends it and all below it",
    ),
    CrashPoint(
        "descendants-ended", "executors/minder.py", ("minder",),
        "everything the command started has ended",
        "an outcome that nobody knows",
        "it counts as lost; the task runs again at no cost",
    ),
    CrashPoint(
        "outcome-sent", "executors/minder.py", ("minder",),
        "the outcome is with the owner",
        "nothing: the minder was about to end",
        "nobody needs to",
    ),
)  # fmt: skip

CRASH_POINTS: Mapping[str, CrashPoint] = {
    point.name: point for point in (*_OF_THE_SCHEDULER, *_OF_GITOPS, *_BELOW_THE_WORKER)
}
SIDES = ("before", "after")

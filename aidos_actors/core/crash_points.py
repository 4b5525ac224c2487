"""Every effect after or before which a process may die: what then stands half done, and who makes it good.

Intent, effect, confirm. The intent of each effect is a row of the ledger (an attempt, its minder, its state), the
confirmation another; between the two stands what this table names. ``crash.before`` and ``crash.after`` are called
round each effect, once each, where ``where`` says; a test holds the two together. The sweep ends the process at every
one of these places, and the work must be done all the same: nothing lost, nothing doubled.
"""

from __future__ import annotations

from collections.abc import Mapping

from aidos_actors.core.crash_point import CrashPoint
from aidos_actors.core.crash_points_of_git import OF_GITOPS

_OF_THE_SCHEDULER = (
    CrashPoint(
        "epoch-begun", "actors/scheduler.py", ("scheduler",),
        "the ledger has a new epoch",
        "the epoch is taken and nobody works under it",
        "the next Scheduler takes the one after it; numbers only grow",
    ),
    CrashPoint(
        "journal-lines", "ledger/ledger.py", ("scheduler", "run"),
        "the lines of a batch are in the day file, not yet synced",
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
        "order-sent", "actors/sending.py", ("scheduler",),
        "an order is on its way to a doer",
        "one order is on its way, those after it are not",
        "each order is sent again, and carried out twice it has the effect of once",
    ),
    CrashPoint(
        "minder-on-record", "actors/recording.py", ("scheduler",),
        "the minder's pid and start are in the attempt's row, and Go is sent",
        "a minder waits for a Go that was not sent",
        "its worker reports it to the next Scheduler, which adopts the attempt and sends Go",
    ),
    CrashPoint(
        "result-on-record", "actors/recording.py", ("scheduler",),
        "the outcome of an attempt is in its row",
        "the worker still holds what is on record",
        "it tells the next Scheduler, which knows the outcome and acknowledges it",
    ),
    CrashPoint(
        "calls-on-record", "actors/recording.py", ("scheduler",),
        "results of callables that travelled together are in the rows of their tasks",
        "the worker still holds what is on record",
        "it tells the next Scheduler, which knows the results and has it forget them",
    ),
    CrashPoint(
        "revert-confirmed", "actors/recording.py", ("scheduler",),
        "the task whose commit was taken back has failed once more, in its row",
        "GitOps believes to have told it; the next Scheduler does not know",
        "it asks again, and hears of the same revert",
    ),
    CrashPoint(
        "replan-on-record", "actors/analysed.py", ("scheduler",),
        "the tasks that were found in the place of a failed one are in the plan, and it is gone",
        "an answer that was paid for and is on no record, or that is and of which nobody was told",
        "the next Scheduler asks again, and hears of the answer that was kept; or it dispatches the new tasks",
    ),
    CrashPoint(
        "commit-confirmed", "actors/recording.py", ("scheduler",),
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
        "plan-built", "actors/analysing.py", ("analyzer",),
        "the document is a plan",
        "the plan was not told",
        "the Scheduler asks each new Analyzer for what it is owed",
    ),
)  # fmt: skip

_OF_THE_ANALYZER = (
    CrashPoint(
        "plan-kept", "analyzers/kept.py", ("analyzer",),
        "the tasks that an analyzer found are on disk, under a hash of what it was asked",
        "a plan that was paid for, and that nobody was told of",
        "the Scheduler asks each new Analyzer for what it is owed, which finds it there, or asks for it once more",
    ),
    CrashPoint(
        "charge-taken", "analyzers/purse.py", ("analyzer",),
        "a request to a model is booked at its highest",
        "a request on record that was never made",
        "nobody: it stays spent, so that no death makes a day cheaper than it was; the next life books one of its own",
    ),
    CrashPoint(
        "charge-corrected", "analyzers/purse.py", ("analyzer",),
        "what the request cost is booked instead, with the time that the model asked to be left alone",
        "an answer that was paid for is lost with who asked for it",
        "the next life asks once more, not before that time; its request is booked besides",
    ),
)  # fmt: skip

_OF_A_WORKER = (
    CrashPoint(
        "leftovers-ended", "executors/hands.py", ("worker",),
        "nothing of an earlier attempt lives",
        "the place is clear and no minder waits",
        "the attempt is lost with its worker; the next one clears again",
    ),
    CrashPoint(
        "folder-made", "executors/hands.py", ("worker",),
        "the folder of a task without a repository is there",
        "a folder of an attempt that is lost",
        "its removal is owed, by the row of the lost attempt",
    ),
    CrashPoint(
        "folder-left", "executors/hands.py", ("worker",),
        "the folder of an attempt that has ended, and goes into no repository, is gone",
        "its end is on no record, and neither is that",
        "the attempt is lost, and its removal is owed, of what is there or not",
    ),
    CrashPoint(
        "checkpoint-folder-made", "executors/command.py", ("worker",),
        "the folder for what the task keeps over attempts is there",
        "an empty folder",
        "it is the same for every attempt",
    ),
    CrashPoint(
        "minder-spawned", "executors/hands.py", ("worker",),
        "a minder waits for Go",
        "a minder whose owner is gone, on no record",
        "it sees that by a pidfd and ends; by its mark the next attempt would find what it started",
    ),
    CrashPoint(
        "minder-told", "actors/holding.py", ("worker",),
        "the Scheduler is told of the minder",
        "the word may be lost with its sender, or put on record for a minder that is gone",
        "the attempt is lost with its worker, and its successor waits for that very minder's end",
    ),
    CrashPoint(
        "go-given", "actors/holding.py", ("worker",),
        "the command starts",
        "a command whose worker is gone",
        "its minder ends it and all below it; the attempt is lost with its worker",
    ),
    CrashPoint(
        "command-run", "executors/hands.py", ("worker",),
        "the command and all it started have ended",
        "a result that nobody was told",
        "the attempt is lost with its worker; the task runs again",
    ),
    CrashPoint(
        "verify-run", "executors/hands.py", ("worker",),
        "the task's own check has ended",
        "a result that nobody was told",
        "the attempt is lost with its worker; the task runs again",
    ),
    CrashPoint(
        "call-of-batch-run", "executors/hands.py", ("worker",),
        "a callable of a batch has returned",
        "its result was not told",
        "the worker's mark says which one it was; it is lost and runs again, those not begun go back",
    ),
    CrashPoint(
        "call-run", "executors/hands.py", ("worker",),
        "the callable has returned or raised",
        "a result that nobody was told",
        "the attempt is lost with its worker; the callable is called again",
    ),
    CrashPoint(
        "result-told", "actors/holding.py", ("worker",),
        "the Scheduler is told the result",
        "the word may be lost with its sender",
        "lost, the attempt is lost with its worker; heard, it counts, and the worker's death changes nothing",
    ),
    CrashPoint(
        "result-forgotten", "actors/worker.py", ("worker",),
        "the worker has let go of an acknowledged result",
        "nothing: it is on the Scheduler's disk",
        "nobody needs to",
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

_ALL = (_OF_THE_SCHEDULER, _OF_THE_ANALYZER, OF_GITOPS, _OF_A_WORKER, _BELOW_THE_WORKER)
CRASH_POINTS: Mapping[str, CrashPoint] = {point.name: point for points in _ALL for point in points}
SIDES = ("before", "after")

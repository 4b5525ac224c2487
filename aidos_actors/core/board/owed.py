"""The one order each row still calls for. Orders are never stored: after a crash they are worked out again from here.

| attempt | owes |
|---|---|
| leased, worktree not prepared yet | Prepare, to GitOps |
| leased | Start, to its worker (End while draining) |
| running, a command | Start with its minder, to its worker (End when the drain time is over) |
| running, anything else | Go, to its worker (End likewise) |
| in a batch of callables | the whole batch is owed one StartCalls (draining: what has not begun is asked back) |
| cancelled, end not reported yet | End, to its worker |
| integrating | Integrate, to GitOps |
| withdrawing | the same, as one that is not wanted any more |
| closed, worktree kept for the next attempt of an agent | nothing |
| closed, worktree not discarded yet | Discard, to GitOps |

Besides, GitOps is owed a Revert for each task that is reverting or retracting, and a Watch for each open requirement
with a gate.

| requirement | owes the Analyzer |
|---|---|
| analysing | Analyse |
| running, a task of it replanning, the last worktree of that task gone | Analyse about the one that waits longest |
| waiting, or paused without a plan | nothing: what was asked already may be answered, and the answer is kept |
| any other, or one that is over | Withdraw, when the Analyzer says that it holds it |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from aidos_actors.core.board.batches import Member, OpenBatch
from aidos_actors.core.board.books import Books, holder_of, key_of
from aidos_actors.core.board.crew import Draining
from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.board.past import minders_of
from aidos_actors.core.board.questions import due_question
from aidos_actors.core.orders import (
    AgentTurn,
    Analyse,
    AttemptKey,
    Call,
    Discard,
    End,
    EndReason,
    GitOrder,
    Go,
    Integrate,
    Order,
    Prepare,
    ReturnCalls,
    Start,
    StartCalls,
    Withdraw,
    WorkerId,
    WorkerOrder,
)
from aidos_actors.core.packed_tasks import task_of
from aidos_actors.core.records import AttemptRecord
from aidos_actors.core.states import REQUIREMENT_FINAL, WATCHED, AttemptState, RequirementState
from aidos_actors.core.target_orders import Revert, Sweep, Unwatch, Watch

NOBODY = AttemptKey("", "", 0)
"""In orders that are about no attempt."""

Role = Literal["analyzer", "gitops", "worker"]


def is_unprepared(opened: OpenRequirement, attempt: AttemptRecord) -> bool:
    """Leased, but its worktree is still being made: the worker has not heard of it."""
    return attempt.state is AttemptState.LEASED and opened.model.repo is not None and attempt.base_commit is None


def is_command_minded(opened: OpenRequirement, attempt: AttemptRecord) -> bool:
    """It is a command with a minder on record: whoever hears of it needs nothing more to start it."""
    return opened.definitions[attempt.task].run is not None and attempt.minder_pid is not None


def owed_by_attempt(books: Books, attempt: AttemptRecord) -> WorkerOrder | GitOrder | None:
    """What must be told to somebody because of this row, if anything."""
    opened = books.open[attempt.requirement]
    draining = books.crew.draining
    if opened.batches.of(attempt.task, attempt.number) is not None:
        return _end(attempt, "drain") if draining is Draining.END_ALL else None
    match attempt.state:
        case AttemptState.LEASED if is_unprepared(opened, attempt):
            return _prepare(opened, attempt)
        case AttemptState.LEASED:
            return _end(attempt, "drain") if draining is not Draining.NO else _start(opened, attempt)
        case AttemptState.RUNNING:
            if draining is Draining.END_ALL:
                return _end(attempt, "drain")
            if is_command_minded(opened, attempt):
                return _start(opened, attempt)
            return Go(holder_of(attempt), key_of(attempt))
        case AttemptState.INTEGRATING | AttemptState.WITHDRAWING:
            return _integrate(opened, attempt)
    if attempt.ended_at is None:
        return _end(attempt, "deadline" if attempt.error == "deadline" else "cancel")
    if attempt.worktree is not None and attempt.kept_at is None:
        return Discard(key_of(attempt), opened.model.repo, attempt.worktree, minders_of(attempt))
    return None


def owed_about_analysis(books: Books, requirement: str) -> Analyse | Withdraw | None:
    """What the Analyzer must hear of an analysis that it holds."""
    opened = books.open.get(requirement)
    if opened is None or (opened.tasks and not opened.replanning):
        return Withdraw(requirement)
    return owed_analysis(opened)


def owed_analysis(opened: OpenRequirement) -> Analyse | None:
    """What analyzers are to be asked just now."""
    record, failed = opened.record, due_question(opened)
    is_wanted = record.state is RequirementState.ANALYSING or failed is not None
    return Analyse(record.id, str(record.document), failed) if is_wanted else None


def owed_to_role(books: Books, role: Role, worker: WorkerId | None) -> Iterator[Order]:
    """Everything owed to one role (and one worker of it), oldest requirement first, then file order."""
    if role == "gitops":
        yield from owed_sweeps(books)
    for opened in sorted(books.open.values(), key=lambda opened: opened.record.position):
        if role == "analyzer":
            if (analyse := owed_analysis(opened)) is not None:
                yield analyse
            continue
        for attempt in sorted(opened.attempts.values(), key=lambda a: (opened.tasks[a.task].position, a.number)):
            order = owed_by_attempt(books, attempt)
            if isinstance(order, Start | Go | End):
                if role == "worker" and worker in (None, order.worker):
                    yield order
            elif order is not None and role == "gitops":
                yield order
        if role == "worker":
            yield from _owed_by_batches(books, opened, worker)
        elif role == "gitops":
            names = sorted(opened.reverting, key=lambda name: opened.tasks[name].position)  # after a restart, too
            yield from (owed_revert(opened, name) for name in names)
            yield from watches_of(opened)


def owed_sweeps(books: Books) -> Iterator[Sweep]:
    """For each repository of open requirements, which worktrees are in use."""
    live: dict[str, list[str]] = {}
    for opened in books.open.values():
        if opened.model.repo is not None:
            paths = live.setdefault(opened.model.repo, [])
            paths.extend(each.worktree for each in opened.attempts.values() if each.worktree is not None)
    for repo, paths in live.items():
        yield Sweep(NOBODY, repo, tuple(sorted(paths)))


def start_calls(opened: OpenRequirement, worker: WorkerId, epoch: int, members: Iterable[Member]) -> StartCalls:
    """The callables of these members, to be called in that order."""
    definitions, calls = opened.definitions, []
    for name, number in members:
        task = definitions[name]
        assert task.call is not None
        calls.append(Call(name, number, task.call, task.args, task.env, task.timeout_s))
    return StartCalls(worker, epoch, opened.record.id, tuple(calls))


def _owed_by_batches(books: Books, opened: OpenRequirement, worker: WorkerId | None) -> Iterator[Order]:
    for batch in opened.batches.open():
        if worker in (None, batch.worker):
            yield owed_by_batch(books, opened, batch)


def owed_by_batch(books: Books, opened: OpenRequirement, batch: OpenBatch) -> WorkerOrder:
    """What its worker must have heard of a batch."""
    if books.crew.draining is Draining.NO:
        return start_calls(opened, batch.worker, books.epoch, batch.open)
    return ReturnCalls(batch.worker)


def watches_of(opened: OpenRequirement) -> Iterator[Watch]:
    """What GitOps is to keep an eye on for this requirement, if anything."""
    model, record = opened.model, opened.record
    if record.state in WATCHED and model.repo and model.verify and record.base_commit:
        key = AttemptKey(record.id, "", 0)
        yield Watch(key, model.repo, model.target_branch, record.base_commit, model.verify)


def orders_of_its_state(opened: OpenRequirement) -> Iterator[Watch | Unwatch | Sweep]:
    """What GitOps must hear now that the requirement has come to its state: its target is looked at while it is open
    and has a gate, and afterwards no worktree of it is needed, nor one that a task of it made beside its own."""
    yield from watches_of(opened)
    if opened.record.state in REQUIREMENT_FINAL and opened.model.repo:
        key = AttemptKey(opened.record.id, "", 0)
        if opened.model.verify:
            yield Unwatch(key, opened.model.repo)
        yield Sweep(key, opened.model.repo, ())


def owed_revert(opened: OpenRequirement, name: str) -> Revert:
    """The commit of this task is to be taken back."""
    task, model, base = opened.tasks[name], opened.model, opened.record.base_commit
    assert model.repo and base
    key = AttemptKey(task.requirement, task.id, task.attempts)
    return Revert(key, model.repo, model.target_branch, base, task.error or "")


def discard_late(books: Books, key: AttemptKey, repo: str | None) -> Discard:
    """For a folder, in ``repo`` a worktree, that came when nobody needed it any more."""
    opened = books.open.get(key.requirement)
    return Discard(key, opened.model.repo if opened is not None else repo, worktree_of(books, key), ())


def worktree_of(books: Books, key: AttemptKey) -> str:
    return f"{books.worktree_root}/{key.requirement}/{key.task}.{key.number}"


def _prepare(opened: OpenRequirement, attempt: AttemptRecord) -> Prepare:
    repo, base_commit, path = opened.model.repo, opened.record.base_commit, attempt.worktree
    assert repo is not None and base_commit is not None and path is not None
    return Prepare(key_of(attempt), repo, path, opened.model.target_branch, base_commit)


def _start(opened: OpenRequirement, attempt: AttemptRecord) -> Start:
    assert attempt.worktree is not None
    task = task_of(opened.definitions[attempt.task])
    previous = opened.minders_before(attempt)
    repo, turn = opened.model.repo, _turn(opened, attempt)
    minder = next(iter(minders_of(attempt)), None)
    return Start(holder_of(attempt), key_of(attempt), task, attempt.worktree, repo, previous, turn, minder)


def _turn(opened: OpenRequirement, attempt: AttemptRecord) -> AgentTurn | None:
    if attempt.agent is None:
        return None
    lender, error = opened.lender(attempt.task), opened.tasks[attempt.task].error
    if lender is None or lender.worktree != attempt.worktree:
        return AgentTurn(attempt.agent, error=error)
    return AgentTurn(attempt.agent, lender.number, lender.agent == attempt.agent, error)


def _end(attempt: AttemptRecord, reason: EndReason) -> End:
    return End(holder_of(attempt), key_of(attempt), reason)


def _integrate(opened: OpenRequirement, attempt: AttemptRecord) -> Integrate:
    model, target_base = opened.model, opened.record.base_commit
    path, base_commit = attempt.worktree, attempt.base_commit
    assert model.repo and path and base_commit and target_base
    title = opened.definitions[attempt.task].title or attempt.task
    key, after = key_of(attempt), opened.tasks[attempt.task].revised_after or 0
    where, is_wanted = (model.repo, path, base_commit, model.target_branch), attempt.state is AttemptState.INTEGRATING
    return Integrate(key, *where, title, model.verify, target_base, after, is_wanted)

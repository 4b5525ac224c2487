"""What happens to attempts that coding agents do: who does the next one, whose limit is reached, whose work is kept.

An attempt that came to nothing need not be in vain: its worktree is kept, and the next attempt goes on in it, which is
also where an agent finds its session again. The worktree stays the earlier one's until the next has started: by then
its worker has seen that nobody works there any more.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from aidos_actors.core.agents.choice import (
    ABSENT,
    AgentRules,
    Choice,
    Tally,
    after_a_wait,
    chain_of,
    choose,
    is_over_cost,
    tallies_of,
    told_tallies,
)
from aidos_actors.core.board.books import Books
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.orders import AgentEnd, AttemptOutcome, Integration
from aidos_actors.core.records import AgentRecord, AttemptRecord, TaskRecord
from aidos_actors.core.retry import chance_of

UNCHANGED = "unchanged"
FRESH = frozenset({"loop", "output_limit", "memory_limit"})
"""After these nobody goes on in the folder."""
GOES_ON_MAX = 3
"""So many failures by itself may follow one another in one worktree; then the next attempt gets a fresh one."""
LOOK_AGAIN_S = 3600.0


# Who does it


def choice(books: Books, opened: OpenRequirement, task: TaskRecord, now: float) -> Choice:
    """Who does the next attempt of a task of agents."""
    rules = opened.settings.agents
    return choose(_chain(opened, task.id), rules, books.agents, tallies_of(task.agents), now)


def chosen(draft: Draft, opened: OpenRequirement, task: TaskRecord) -> str | None:
    """The agent for the attempt that is about to be leased; None: the task waits until one can be asked again."""
    found = choice(draft.books, opened, task, draft.now)
    if found.name is None:
        _wait(draft, task, found)
    elif found.passed_over:
        draft.note("agent_passed_over", task, agent=found.name, instead_of=dict(found.passed_over))
    return found.name


def can_wait(draft: Draft, opened: OpenRequirement, attempt: AttemptRecord, outcome: AttemptOutcome) -> bool:
    """Whether it makes sense to wait for that agent, or to ask another: not when its program is missing and no other
    one is there, nor when the task has cost all it may."""
    told = with_cost(opened.tasks[attempt.task], outcome.agent)
    if is_spent(opened, told, attempt.task):
        return False
    rules, waits = opened.settings.agents, draft.books.agents
    others = [name for name in _chain(opened, attempt.task) if name != attempt.agent and name in rules]
    is_another_there = any(name not in waits or waits[name].reason != ABSENT for name in others)
    return outcome.fault != ABSENT or is_another_there


def unusable(draft: Draft, opened: OpenRequirement, row: AttemptRecord, outcome: AttemptOutcome, error: str) -> None:
    """The attempt's agent cannot be used for a while, which all tasks know from here on. Its own goes on with the next
    agent at once, when there is one, and waits otherwise; it uses up nothing."""
    name, end = row.agent or "", outcome.agent
    rules = opened.settings.agents.get(name, AgentRules())
    resets_at = None if end is None else end.resets_at
    known = draft.books.agents.get(name)
    save_agent(draft, after_a_wait(known, name, rules, outcome.fault, error, resets_at, draft.now))
    task = opened.tasks[row.task]
    task = replace(task, agents=with_cost(task, end))
    found = choice(draft.books, opened, task, draft.now)
    if found.name is None:
        _wait(draft, task, found)
    else:
        _defer(draft, task, draft.now, f"{name}: {error}")


def ask_again(draft: Draft, opened: OpenRequirement, task: TaskRecord) -> None:
    """The agents of the task are thought to be usable, until they say otherwise."""
    for name in _chain(opened, task.id):
        _is_free(draft, name)


def carried_out(draft: Draft, attempt: AttemptRecord, outcome: AttemptOutcome) -> None:
    """An agent that worked is not unusable any more, whether the work was good or not."""
    has_worked = outcome.ok or (outcome.fault == "own" and outcome.agent is not None and bool(outcome.agent.turns))
    if attempt.agent is not None and has_worked:
        _is_free(draft, attempt.agent)


def _chain(opened: OpenRequirement, task: str) -> tuple[str, ...]:
    work = opened.definitions[task].agent_work
    return () if work is None else chain_of(work.names, opened.settings.agents)


def _wait(draft: Draft, task: TaskRecord, found: Choice) -> None:
    """Until the first of its agents can be asked again, and a little longer, lest all tasks ask at once. When no moment
    is known, as none of its agents is configured, it is looked at again after a while."""
    why = "; ".join(f"{name}: {what}" for name, what in found.passed_over.items())
    if found.until_at is None:
        _defer(draft, task, draft.now + LOOK_AGAIN_S, why)
        return
    rules = (draft.books.settings.agents.get(name) for name in found.passed_over)
    jitter_s = max((each.jitter_s for each in rules if each is not None), default=0.0)
    _defer(draft, task, found.until_at + jitter_s * chance_of(task.requirement, task.id, task.attempts), why)


def _defer(draft: Draft, task: TaskRecord, until_at: float, why: str) -> None:
    row = draft.move_task(task, "defer", not_before_at=until_at, error=why, result=None)
    draft.note("task_deferred", row, not_before_at=until_at, error=why, agents=row.agents)


def _is_free(draft: Draft, name: str) -> None:
    known = draft.books.agents.get(name)
    if known is not None and known != AgentRecord(name):
        save_agent(draft, AgentRecord(name))


def save_agent(draft: Draft, record: AgentRecord) -> None:
    """It is on record, and told."""
    draft.save_agent(record)
    facts = {"until_at": record.until_at, "reason": record.reason, "error": record.error, "waits": record.waits}
    if record.until_at is None:
        draft.note_of_all("agent_free", agent=record.name, **facts)
    else:
        draft.note_of_all("agent_unusable", agent=record.name, **facts)


# What it has failed and cost


def idle(opened: OpenRequirement, attempt: AttemptRecord, answer: Integration) -> str | None:
    """What is wrong with an attempt of an agent that ended well and changed nothing, unless nothing need change."""
    work = opened.definitions[attempt.task].agent_work
    if work is None or work.changes == "optional" or not answer.is_unchanged:
        return None
    return f"{attempt.agent} ended as if all were well, and changed nothing"


def failed_once_more(task: TaskRecord, attempt: AttemptRecord, end: AgentEnd | None) -> str | None:
    """``TaskRecord.agents`` after a failure of the attempt's agent by itself."""
    if attempt.agent is None:
        return task.agents
    tallies = tallies_of(with_cost(task, end))
    before = tallies.get(attempt.agent, Tally())
    tallies[attempt.agent] = replace(before, failures=before.failures + 1)
    return told_tallies(tallies)


def with_cost(task: TaskRecord, end: AgentEnd | None) -> str | None:
    """``TaskRecord.agents`` with what an attempt cost."""
    if end is None or not end.cost_usd:
        return task.agents
    tallies = tallies_of(task.agents)
    before = tallies.get(end.name, Tally())
    tallies[end.name] = replace(before, cost_usd=before.cost_usd + end.cost_usd)
    return told_tallies(tallies)


def is_spent(opened: OpenRequirement, agents: str | None, task: str) -> bool:
    """Every agent that could do the task has cost what one task may."""
    rules, tallies = opened.settings.agents, tallies_of(agents)
    names = [name for name in _chain(opened, task) if name in rules]
    return bool(names) and all(is_over_cost(rules[name], tallies.get(name)) for name in names)


def told_end(row: AttemptRecord, end: AgentEnd | None) -> dict[str, Any]:
    """What the journal says besides of the end of an agent's attempt."""
    said = {} if end is None else {"session": end.session, "turns": end.turns, "cost_usd": end.cost_usd}
    return {"agent": row.agent, **said, **told_folder(row)}


# Whose work is kept


def folder_after(
    draft: Draft, opened: OpenRequirement, attempt: AttemptRecord, outcome: AttemptOutcome | None = None
) -> dict[str, Any]:
    """What becomes of the folder of an agent's attempt that came to nothing, as changes of its row: it is kept for the
    next one; or given back to whose it is, when the attempt never started in it; or, without a change, discarded."""
    if is_lent(opened, attempt):
        return {"worktree": None}
    return {"kept_at": draft.now} if _is_worth_keeping(opened, attempt, outcome) else {}


def told_folder(row: AttemptRecord) -> dict[str, Any]:
    """As the journal says it."""
    if row.agent is None:
        return {}
    return {"is_kept": True} if row.kept_at is not None else {"is_given_back": True} if row.worktree is None else {}


def take_over(draft: Draft, opened: OpenRequirement, attempt: AttemptRecord) -> None:
    """The attempt has started: the kept folder, if that is where it works, is its own from here on."""
    lender = opened.lender(attempt.task)
    if lender is not None and lender.number != attempt.number:
        row = draft.save_attempt(replace(lender, worktree=None, kept_at=None))
        draft.note("work_handed_over", row, to=attempt.number)


def let_go(draft: Draft, opened: OpenRequirement, task: str) -> None:
    """No further attempt will come: what was kept for it is discarded."""
    lender = opened.lender(task)
    if lender is not None:
        draft.note("work_let_go", draft.save_attempt(replace(lender, kept_at=None)))


def is_lent(opened: OpenRequirement, attempt: AttemptRecord) -> bool:
    """It has not started, and its folder is still that of the attempt before it."""
    lender = opened.lender(attempt.task) if attempt.started_at is None else None
    return lender is not None and lender.number != attempt.number and lender.worktree == attempt.worktree


def _is_worth_keeping(opened: OpenRequirement, attempt: AttemptRecord, outcome: AttemptOutcome | None) -> bool:
    if attempt.agent is None or attempt.started_at is None or attempt.worktree is None or opened.model.repo is None:
        return False
    kept = sum(each.kept_at is not None for each in opened.attempts.values())
    if kept >= opened.settings.worktrees_max // 2:
        return False  # the others must have room to go on
    if outcome is None or outcome.fault != "own":
        return outcome is None or outcome.agent is None or outcome.agent.is_sound
    is_sound = outcome.agent is None or outcome.agent.is_sound
    is_again = (opened.tasks[attempt.task].own_failures + 1) % GOES_ON_MAX != 0
    return is_sound and is_again and not FRESH.intersection(outcome.causes)

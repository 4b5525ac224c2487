"""Which coding agent does the next attempt of a task: the first of its chain that can, or none until a moment.

The chain is what the task names, each followed by what its configuration names as its ``fallback``. An agent whose
usage limit was reached, or whose program was not found, is passed over until that is worth another look; one that has
failed a task so often by itself is passed over while another has not. Pure: the same arguments give the same answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from aidos_actors.core.records import AgentRecord
from aidos_actors.core.retry import grown

CHAIN_MAX = 50
LIMITED, ABSENT = "limited", "absent"
WAIT_MIN_S = 1.0


class AgentRules(Struct, frozen=True):
    """What the board must know of a configured agent. ``failures_max``: so many failures of one task by this agent, and
    the next of the chain is asked. ``wait_s``, doubling to ``wait_max_s``, holds where a limit names no moment;
    ``jitter_s`` is the most that a task waits beyond it. ``task_cost_usd_max``: the most that one task may cost with
    this agent."""

    fallback: tuple[str, ...] = ()
    failures_max: int = 2
    wait_s: float = 300.0
    wait_max_s: float = 3600.0
    jitter_s: float = 30.0
    task_cost_usd_max: float | None = None


class Tally(Struct, frozen=True):
    """What an agent has done for one task so far."""

    failures: int = 0
    cost_usd: float = 0.0


class Choice(Struct, frozen=True):
    """``name`` does it; None: nobody can before ``until_at``, or ever. ``passed_over`` says why each before it does
    not."""

    name: str | None
    until_at: float | None = None
    passed_over: Mapping[str, str] = {}


def chain_of(names: Sequence[str], rules: Mapping[str, AgentRules]) -> tuple[str, ...]:
    """All agents that may be asked, in their order, each once; unknown ones too, so that it can be said of them."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting and len(found) < CHAIN_MAX:
        name = waiting.pop(0)
        if name not in found:
            found[name] = None
            waiting = [*(rules[name].fallback if name in rules else ()), *waiting]
    return tuple(found)


def choose(
    chain: Iterable[str],
    rules: Mapping[str, AgentRules],
    waits: Mapping[str, AgentRecord],
    tallies: Mapping[str, Tally],
    now: float,
) -> Choice:
    """See the module. Of those that failed too often, when no other is left, the one that did so least goes on: it is
    for the task's retries to end that."""
    passed_over: dict[str, str] = {}
    fresh: list[str] = []
    tired: list[str] = []
    for name in chain:
        if name not in rules:
            passed_over[name] = "it is not configured"
        elif is_over_cost(rules[name], tallies.get(name)):
            passed_over[name] = "the task has cost what it may with it"
        elif _failures(tallies, name) >= rules[name].failures_max:
            tired.append(name)
        else:
            fresh.append(name)
    candidates = fresh or sorted(tired, key=lambda name: _failures(tallies, name))
    passed_over |= {name: f"it failed {_failures(tallies, name)} times" for name in tired if fresh}
    moments: list[float] = []
    for name in candidates:
        until_at = waiting_until(waits.get(name), now)
        if until_at is None:
            return Choice(name, None, passed_over)
        moments.append(until_at)
        passed_over[name] = why_waiting(waits[name])
    return Choice(None, min(moments, default=None), passed_over)


def waiting_until(record: AgentRecord | None, now: float) -> float | None:
    """The moment from which the agent may be asked again; None: now."""
    if record is None or record.until_at is None or record.until_at <= now:
        return None
    return record.until_at


def why_waiting(record: AgentRecord) -> str:
    what = "its program was not found" if record.reason == ABSENT else "its usage limit was reached"
    return f"{what} ({record.error})" if record.error else what


def after_a_wait(
    known: AgentRecord | None,
    name: str,
    rules: AgentRules,
    reason: str,
    error: str,
    resets_at: float | None,
    now: float,
) -> AgentRecord:
    """The agent as it is known after one more word that it cannot be used. A moment that it names counts; one that is
    over, again and again, is asked about less and less often."""
    waits = 1 if known is None else known.waits + 1
    floor_s = grown(WAIT_MIN_S, 2.0, waits - 1, rules.wait_max_s)
    if resets_at is not None:
        until_at = max(resets_at, now + floor_s)
    else:
        until_at = now + grown(rules.wait_s, 2.0, waits - 1, max(rules.wait_s, rules.wait_max_s))
    if known is not None and known.until_at is not None and known.reason == reason:
        until_at = max(until_at, known.until_at)  # of two that ran side by side, the later word may name less
    return AgentRecord(name, until_at, reason, error, waits)


def tallies_of(told: str | None) -> dict[str, Tally]:
    """Agent -> tally, of ``TaskRecord.agents``."""
    return {} if told is None else {name: Tally(**each) for name, each in json.loads(told).items()}


def told_tallies(tallies: Mapping[str, Tally]) -> str | None:
    """Equal tallies give equal texts; none at all gives None."""
    said = {
        name: {"failures": each.failures, "cost_usd": round(each.cost_usd, 6)}
        for name, each in tallies.items()
        if each != Tally()
    }
    return json.dumps(said, sort_keys=True) if said else None


def _failures(tallies: Mapping[str, Tally], name: str) -> int:
    return tallies[name].failures if name in tallies else 0


def is_over_cost(rules: AgentRules, tally: Tally | None) -> bool:
    """The task may cost no more with this agent."""
    return rules.task_cost_usd_max is not None and tally is not None and tally.cost_usd >= rules.task_cost_usd_max

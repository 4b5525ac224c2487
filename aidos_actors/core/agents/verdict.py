"""What the end of a coding agent means for its attempt. The agent's word counts against it, never for it: whether its
work is good is for the gate to say."""

from __future__ import annotations

import re
from datetime import tzinfo

from msgspec import Struct

from aidos_actors.core.agents.choice import LIMITED
from aidos_actors.core.agents.dialects import says_limit
from aidos_actors.core.agents.facts import Facts
from aidos_actors.core.agents.profile import AgentProfile
from aidos_actors.core.agents.reset_times import AHEAD_MAX_S, reset_moment
from aidos_actors.core.orders import AgentEnd, AttemptOutcome, Fault

STAGE = "agent"
ERROR_CHARS_MAX = 2000
_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
_NO_SESSION = re.compile(
    r"no conversation found|session (?:\S+ )?not found|no (?:saved )?session|no rollout found|thread (?:\S+ )?not found"
    r"|could not find (?:a )?session|failed to (?:load|resume) (?:the )?session",
    re.IGNORECASE,
)
CAUSES = {"timeout": "timeout", "stalled": "stall"}


class Ending(Struct, frozen=True):
    """How its command ended. ``reason`` and ``message`` are those of its minder; ``cause`` and ``why`` tell what it was
    ended for by who read its output."""

    reason: str
    exit_code: int | None = None
    signal: int | None = None
    message: str = ""
    cause: str | None = None
    why: str = ""


def verdict(
    ending: Ending,
    facts: Facts,
    tail: str,
    profile: AgentProfile,
    *,
    is_resumed: bool,
    is_sound: bool,
    now: float,
    local: tzinfo,
) -> AttemptOutcome:
    """``tail`` are the last lines that were no part of what ``facts`` came from. ``is_sound``: the next attempt can go
    on in the folder."""
    end = AgentEnd(
        name=profile.name,
        session=usable_session(facts),
        turns=facts.turns,
        cost_usd=facts.cost_usd,
        is_sound=is_sound,
    )
    if ending.reason in ("lost", "no_room") or (ending.reason == "ended" and ending.cause is None):
        fault: Fault = "cancelled" if ending.reason == "ended" else "infra"
        stage = "start" if ending.reason == "no_room" else STAGE
        return AttemptOutcome(False, ending.exit_code, ending.message, stage, fault=fault, agent=end)
    if _is_well(ending, facts):
        return AttemptOutcome(True, 0, None, STAGE, agent=end)
    error = _error(ending, facts, tail, profile.name)
    if _is_limit(ending, facts, tail, profile):
        resets_at = _moment(facts, f"{error}\n{tail}", now, local)
        end = AgentEnd(end.name, end.session, end.turns, end.cost_usd, resets_at, is_sound)
        return AttemptOutcome(False, ending.exit_code, error, STAGE, fault="limited", agent=end)
    if is_resumed and facts.turns == 0 and _NO_SESSION.search(f"{error}\n{tail}"):
        gone = f"its session is not there any more ({error})"
        return AttemptOutcome(False, ending.exit_code, gone, STAGE, fault="infra", agent=end)
    cause = ending.cause or CAUSES.get(ending.reason, ending.reason)
    causes = (str(ending.exit_code),) if ending.reason == "exited" and ending.exit_code else (cause,)
    return AttemptOutcome(False, ending.exit_code, error, STAGE, fault="own", causes=causes, agent=end)


def usable_session(facts: Facts) -> str | None:
    """The session that can be resumed: one in which something happened, under a name that is one."""
    is_name = facts.session is not None and _SESSION.fullmatch(facts.session)
    return facts.session if is_name and facts.turns > 0 else None


def _is_well(ending: Ending, facts: Facts) -> bool:
    return ending.reason == "exited" and ending.exit_code == 0 and facts.error is None


def _error(ending: Ending, facts: Facts, tail: str, name: str) -> str:
    if ending.cause is not None:
        text = f"{name} was ended: {ending.why}"
    elif ending.reason != "exited":
        text = f"{name}: {ending.message}"
    elif facts.error is not None:
        text = f"{name} says: {facts.error}"
    else:
        how = f"exit code {ending.exit_code}" if ending.exit_code is not None else f"signal {ending.signal}"
        last = tail.rpartition("\n")[2]
        text = f"{name} ended with {how}" + (f"; its last words: {last}" if last else "")
    return text[:ERROR_CHARS_MAX].encode(errors="replace").decode()


def _is_limit(ending: Ending, facts: Facts, tail: str, profile: AgentProfile) -> bool:
    if ending.cause is not None:
        return ending.cause == LIMITED
    if facts.is_stuck_on_limit and ending.reason in ("exited", "stalled", "timeout"):
        return True
    if ending.reason != "exited":
        return False
    if facts.is_limited or facts.resets_at is not None or ending.exit_code in profile.limit_exit_codes:
        return True
    if any(word in tail or word in (facts.error or "") for word in profile.limit_words):
        return True
    # Of a program that says nothing of itself only its last words are known; it may have been at work on limits.
    return profile.reads == "text" and says_limit(tail.rpartition("\n")[2])


def _moment(facts: Facts, text: str, now: float, local: tzinfo) -> float | None:
    told = facts.resets_at
    if told is not None and told > 1e11:
        told /= 1000.0  # milliseconds
    if told is not None and now - AHEAD_MAX_S <= told <= now + AHEAD_MAX_S:
        return told
    return reset_moment(text, now, local)

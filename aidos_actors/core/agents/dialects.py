"""How each program speaks: one function for a JSON message, one for a line that is none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from aidos_actors.core.agents.facts import Facts

Say = Callable[[Facts, dict[str, Any]], None]
Line = Callable[[Facts, str], None]
TEXT_CHARS_MAX = 2000
NUMBER_MAX = 1e14

LIMIT = re.compile(
    r"hit your (?:\w+ ){0,3}limit|usage limit|limit reached|limit will reset|rate.?limit|quota (?:exceeded|exhausted)"
    r"|exceeded your (?:\w+ )?quota|insufficient.quota|out of (?:extra )?(?:usage|credits)"
    r"|credit balance is too low|credits? exhausted|too many requests|resource.exhausted"
    r"|(?:error|status|code|http)\W{0,10}429\b",
    re.IGNORECASE,
)


def says_limit(text: str) -> bool:
    """Whether an error is about the usage limit. Only for what is an error: an agent may well write about limits."""
    return LIMIT.search(text) is not None


def _failed(facts: Facts, error: object) -> None:
    text = " ".join(str(error).split())[:TEXT_CHARS_MAX]
    facts.error = text or "it says that it failed"
    facts.is_limited = facts.is_limited or says_limit(text)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _number(value: object) -> float | None:
    """None as well for what is no amount of anything: an agent may print what it likes."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= NUMBER_MAX else None  # type: ignore[operator,arg-type]


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _parts(holder: object) -> list[dict[str, Any]]:
    content = holder.get("content") if isinstance(holder, dict) else None
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _turn(facts: Facts, key: object) -> None:
    """One more turn, unless it is a further piece of one that is known."""
    if isinstance(key, str):
        if key in facts.seen:
            return
        if len(facts.seen) < 100_000:
            facts.seen.add(key)
    facts.turns += 1


def _claude(facts: Facts, said: dict[str, Any]) -> None:
    session = said.get("session_id")
    if isinstance(session, str):
        facts.session = session
    match said.get("type"):
        case "assistant":
            message = said.get("message")
            _turn(facts, message.get("id") if isinstance(message, dict) else None)
            for part in _parts(message):
                if part.get("type") == "tool_use":
                    facts.acted(_text(part.get("id")), f"{part.get('name')} {_text(part.get('input'))}")
        case "user":
            for part in _parts(said.get("message")):
                if part.get("type") == "tool_result":
                    facts.came_to(_text(part.get("tool_use_id")), _text(part.get("content")))
        case "rate_limit_event":
            info = said.get("rate_limit_info")
            if (
                isinstance(info, dict)
                and info.get("status") in ("rejected", "denied")
                and not info.get("isUsingOverage")
            ):
                facts.resets_at = _number(info.get("resetsAt")) or facts.resets_at
        case "result":
            facts.has_ended = True
            facts.cost_usd = _number(said.get("total_cost_usd"))
            if said.get("is_error") or str(said.get("subtype", "")).startswith("error"):
                _failed(facts, said.get("result") or said.get("errors") or said.get("subtype"))
            else:
                facts.error = None


def _codex(facts: Facts, said: dict[str, Any]) -> None:
    item = said.get("item")
    match said.get("type"):
        case "thread.started":
            facts.session = _text(said.get("thread_id"))
        case "item.completed" if isinstance(item, dict):
            if item.get("type") in ("agent_message", "command_execution", "file_change", "mcp_tool_call"):
                facts.turns += 1
            if item.get("type") == "command_execution":
                key = _text(item.get("id"))
                facts.acted(key, _text(item.get("command")))
                facts.came_to(key, f"{item.get('exit_code')} {item.get('aggregated_output')}")
        case "error":
            _failed(facts, said.get("message"))
        case "turn.failed":
            error = said.get("error")
            _failed(facts, error.get("message") if isinstance(error, dict) else error)
        case "turn.completed":  # what went wrong before, as a lost connection, it got over
            facts.error, facts.is_limited, facts.has_ended = None, False, True


def _opencode(facts: Facts, said: dict[str, Any]) -> None:
    if isinstance(said.get("sessionID"), str):
        facts.session = said["sessionID"]
    part = _table(said.get("part"))
    if facts.is_stuck_on_limit and said.get("type") in ("step_start", "step_finish", "tool_use", "text", "reasoning"):
        facts.is_stuck_on_limit = facts.is_limited = False  # it waited for it, and goes on
        facts.error = None
    match said.get("type"):
        case "step_finish":
            facts.turns += 1
            facts.cost_usd = (facts.cost_usd or 0.0) + (_number(part.get("cost")) or 0.0)
        case "tool_use":
            state = _table(part.get("state"))
            key = _text(part.get("callID") or part.get("id"))
            facts.acted(key, f"{part.get('tool')} {_text(state.get('input'))}")
            facts.came_to(key, _text(state.get("error") or state.get("output")))
        case "error":
            error = _table(said.get("error"))
            data = _table(error.get("data"))
            facts.is_limited = facts.is_limited or data.get("statusCode") == 429
            _failed(facts, data.get("message") or error.get("name") or said.get("error"))
        case "done":
            facts.has_ended = True


def _opencode_line(facts: Facts, line: str) -> None:
    """Its log, which alone says that it sleeps until a limit is over: on standard output there is nothing then."""
    line = line[:TEXT_CHARS_MAX]
    if "ERROR" in line and says_limit(line):
        facts.is_stuck_on_limit = True
        facts.error, facts.is_limited = " ".join(line.split()), True


def _goose(facts: Facts, said: dict[str, Any]) -> None:
    match said.get("type"):
        case "message":
            message = said.get("message")
            role = message.get("role") if isinstance(message, dict) else None
            if role == "assistant":
                _turn(facts, message.get("id") if isinstance(message, dict) else None)
            for part in _parts(message):
                _goose_part(facts, part, role)
        case "error":
            _failed(facts, said.get("error"))
        case "complete":
            facts.has_ended = True
            facts.cost_usd = _number(said.get("cost_usd"))


def _goose_part(facts: Facts, part: dict[str, Any], role: object) -> None:
    text = part.get("text")
    if role == "assistant" and isinstance(text, str) and text.startswith("Ran into this error"):
        _failed(facts, text)
    elif part.get("type") == "toolRequest":
        facts.acted(_text(part.get("id")), _text(part.get("toolCall")))
    elif part.get("type") == "toolResponse":
        facts.came_to(_text(part.get("id")), _text(part.get("toolResult")))


_AIDER_COST = re.compile(r"Cost: \$[\d.]+ message, \$([\d.]+) session")


def _aider_line(facts: Facts, line: str) -> None:
    """It ends with exit code 0 whether its model answered or not."""
    cost = _AIDER_COST.search(line)
    if line.startswith(("Tokens: ", "Applied edit to ")):
        facts.turns += line.startswith("Tokens: ")
        facts.error, facts.is_limited = None, False
        facts.cost_usd = float(cost[1]) if cost else facts.cost_usd
    elif line.startswith(("litellm.", "The API provider ")):
        _failed(facts, line if facts.error is None else f"{facts.error} {line}")


def _json(facts: Facts, said: dict[str, Any]) -> None:
    """The words that a free template may say, on lines of their own, in any number: the last of each counts."""
    if isinstance(said.get("session"), str):
        facts.session = said["session"]
    facts.turns = int(_number(said.get("turns")) or facts.turns)
    facts.cost_usd = _number(said.get("cost_usd")) if "cost_usd" in said else facts.cost_usd
    facts.resets_at = _number(said.get("resets_at")) or facts.resets_at
    facts.is_limited = bool(said.get("is_limited", facts.is_limited))
    if said.get("is_error") or said.get("error"):
        _failed(facts, said.get("error") or "")
    elif said.get("is_error") is False:
        facts.error = None


STEPLESS = frozenset({"text", "json", "aider"})
"""These do not say what they do step by step."""

DIALECTS: Mapping[str, tuple[Line | None, Say | None]] = {
    "text": (None, None),
    "json": (None, _json),
    "claude": (None, _claude),
    "codex": (None, _codex),
    "opencode": (_opencode_line, _opencode),
    "goose": (None, _goose),
    "aider": (_aider_line, None),
}

"""What each program says, read: sessions, turns, cost, loops, how it ended; and what an agent may print besides."""

from __future__ import annotations

import json
import time
from datetime import UTC
from random import Random

import pytest
from test_agent_limits import NOW, at

from aidos_actors.agent_settings import AgentSettings, profiles_of
from aidos_actors.core.agents.dialects import DIALECTS
from aidos_actors.core.agents.reset_times import reset_moment
from aidos_actors.core.agents.transcript import LINE_BYTES_MAX, Transcript
from aidos_actors.core.agents.verdict import Ending, verdict
from aidos_actors.core.orders import AttemptOutcome


def read(dialect: str, *lines: str | dict) -> Transcript:
    transcript = Transcript(dialect, 20)
    for line in lines:
        transcript.feed((line if isinstance(line, str) else json.dumps(line)).encode() + b"\n")
    transcript.close()
    return transcript


def judged(dialect: str, *lines: str | dict, code: int = 1, resumed: bool = False, **ending: str) -> AttemptOutcome:
    transcript = read(dialect, *lines)
    profile = profiles_of({"x": AgentSettings(argv=("x",), reads=dialect)}, {})["x"]
    how = Ending(**{"reason": "exited", "exit_code": code, **ending})
    return verdict(
        how, transcript.facts, transcript.tail, profile, is_resumed=resumed, is_sound=True, now=NOW, local=UTC
    )


INIT = {"type": "system", "subtype": "init", "session_id": "s-1"}
SAID = {"type": "assistant", "message": {"id": "m1", "content": [{"type": "text", "text": "usage limit reached"}]}}
LIMIT = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": int(NOW) + 60}}


def result(**more: object) -> dict:
    return {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "session_id": "s-1",
        "total_cost_usd": 0.5,
        **more,
    }


def test_claude_is_understood() -> None:
    well = judged("claude", INIT, SAID, SAID, result(), code=0)
    assert well.ok and well.agent is not None, "what it writes about is not what happens to it"
    assert (well.agent.session, well.agent.turns, well.agent.cost_usd) == ("s-1", 1, 0.5)
    limited = judged(
        "claude", INIT, SAID, LIMIT, result(is_error=True, result="You've hit your limit \u00b7 resets 3pm")
    )
    assert limited.fault == "limited" and limited.agent is not None and limited.agent.resets_at == int(NOW) + 60
    old = judged(
        "claude", INIT, "Claude AI usage limit reached|1795878000", result(is_error=True, result="API Error 429")
    )
    assert old.fault == "limited"
    warned = {**LIMIT, "rate_limit_info": {"status": "allowed_warning", "resetsAt": int(NOW) + 60}}
    failed = judged("claude", INIT, SAID, warned, result(is_error=True, result="tool failed"))
    assert (failed.fault, failed.error) == ("own", "x says: tool failed"), "a warning is no limit"
    overage = {**LIMIT, "rate_limit_info": {**LIMIT["rate_limit_info"], "isUsingOverage": True}}  # type: ignore[dict-item]
    assert judged("claude", INIT, overage, result(), code=0).ok
    gone = judged("claude", result(is_error=True, errors=["No conversation found with session ID: s"]), resumed=True)
    assert gone.fault == "infra" and gone.agent is not None and gone.agent.session is None


def test_one_message_written_into_the_middle_of_another_is_found() -> None:
    """Seen of a real program: the limit's event stands inside an assistant's text, and breaks both lines."""
    broken = '{"type":"assistant","message":{"content":[{"type":"text","text":"partial ' + json.dumps(LIMIT)
    transcript = read("claude", INIT, broken, ' continued"}]}}', result(is_error=True, result="hit your limit"))
    assert transcript.facts.resets_at == int(NOW) + 60 and transcript.facts.is_limited


def test_codex_is_understood() -> None:
    begun = {"type": "thread.started", "thread_id": "t-1"}
    item = {"type": "item.completed", "item": {"type": "agent_message", "text": "429"}}
    lost = {"type": "error", "message": "Reconnecting... 2/5 (429 Too Many Requests)"}
    assert judged("codex", begun, item, lost, {"type": "turn.completed"}, code=0).ok, "it got over that"
    text = "You've hit your usage limit. To get more access now, send a request to your admin or try again at 3:28 PM."
    limited = judged("codex", begun, item, {"type": "turn.failed", "error": {"message": text}}, code=0)
    assert limited.fault == "limited" and limited.agent is not None
    assert (limited.agent.session, limited.agent.resets_at) == ("t-1", at(2026, 11, 28, 15, 28))


def test_opencode_is_understood() -> None:
    step = {"type": "step_finish", "sessionID": "ses_1", "part": {"cost": 0.25}}
    well = judged("opencode", step, step, code=0)
    assert well.ok and well.agent is not None and (well.agent.cost_usd, well.agent.session) == (0.5, "ses_1")
    data = {"message": "Too fast", "statusCode": 429}
    error = {"type": "error", "sessionID": "ses_1", "error": {"name": "APIError", "data": data}}
    assert judged("opencode", step, error).fault == "limited"
    log = '11:42:34.091 ERROR run=1 message="stream error" error="usage limit reached, retry after 90 seconds"'
    assert read("opencode", step, log).facts.is_stuck_on_limit
    assert not read("opencode", log, step).facts.is_stuck_on_limit, "it goes on by itself"
    assert judged("opencode", log, step, code=0).ok
    stuck = judged("opencode", step, log, reason="stalled", code=0)
    assert stuck.fault == "limited" and stuck.agent is not None and stuck.agent.resets_at == NOW + 90


def test_goose_and_aider_are_understood() -> None:
    message = {
        "type": "message",
        "message": {"id": "1", "role": "assistant", "content": [{"type": "text", "text": "hm"}]},
    }
    assert judged("goose", message, {"type": "complete", "cost_usd": 0.1}, code=0).ok
    text = "Ran into this error: Rate limit exceeded: too many tokens per minute"
    limit = {"type": "message", "message": {"role": "assistant", "content": [{"type": "text", "text": text}]}}
    assert judged("goose", message, limit, {"type": "complete"}, code=0).fault == "limited", (
        "it ends with 0 all the same"
    )
    spent = "Tokens: 2.1k sent, 100 received. Cost: $0.01 message, $0.12 session."
    refused = "litellm.RateLimitError: RateLimitError: OpenAIException - Please try again in 20s"
    assert judged("aider", refused, spent, code=0).ok, "it tried again, and was answered"
    limited = judged("aider", spent, refused, "Retrying in 32.0 seconds...", code=0)
    assert limited.fault == "limited" and limited.agent is not None
    assert (limited.agent.resets_at, limited.agent.cost_usd) == (NOW + 20, 0.12)


def test_free_templates_are_understood() -> None:
    said = {"session": "abc", "turns": 3, "cost_usd": 1.5, "is_error": True, "error": "quota", "is_limited": True}
    limited = judged("json", "working", {**said, "resets_at": NOW + 5})
    assert limited.fault == "limited" and limited.agent is not None and limited.agent.resets_at == NOW + 5
    assert judged("json", said, {"is_error": False}, code=0).ok, "its last word counts"
    assert judged("text", "tests of the 429 handler pass", "done", code=1).fault == "own"
    assert judged("text", "Error: 429 Too Many Requests, try again in 10 seconds").fault == "limited"
    assert judged("text", "Error: 429 Too Many Requests", code=0).ok


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_nothing_that_is_printed_makes_a_reader_fail(dialect: str) -> None:
    chance = Random(dialect)
    keys = (
        "type",
        "message",
        "item",
        "part",
        "error",
        "content",
        "session_id",
        "total_cost_usd",
        "rate_limit_info",
        "id",
    )
    values = (
        None,
        True,
        1e308,
        -1,
        "x",
        [],
        {},
        [1],
        {"type": "tool_result"},
        "result",
        "assistant",
        "error",
        [{"a": 1}],
    )
    transcript = Transcript(dialect, 3)
    for _ in range(3000):
        made = {chance.choice(keys): chance.choice(values) for _ in range(chance.randrange(6))}
        for key in list(made):
            if chance.random() < 0.3:
                made[key] = {chance.choice(keys): chance.choice(values), "content": [chance.choice(values)]}
        text = json.dumps(made).encode()
        transcript.feed(text if chance.random() < 0.7 else text[: chance.randrange(len(text) + 1)])
        transcript.feed(chance.choice([b"\n", b"", b"\xff\xfe\n", b"\r", b"[" * 5000 + b"\n"]))
    transcript.close()


def test_what_is_made_to_be_hard_to_read_is_given_up_soon() -> None:
    transcript = Transcript("claude", 3)
    begun_at = time.process_time()
    nested = '{"type":"user","message":' + "[" * 2_000_000
    for text in ('{"type":' * 500_000, "[" * 3_000_000, '{"a":1}' * 500_000, nested):
        transcript.feed(text.encode() + b"\n")
    reset_moment("again " + "1" * 30_000 + " again" * 3000, NOW, UTC)
    assert time.process_time() - begun_at < 20.0
    transcript.feed(json.dumps(INIT).encode() + b"\n")
    assert transcript.facts.session == "s-1"


def test_a_line_without_an_end_takes_no_more_memory_than_its_limit() -> None:
    transcript = Transcript("claude", 3)
    for _ in range(20):
        transcript.feed(b"x" * (LINE_BYTES_MAX // 4))
        assert len(transcript._rest) <= LINE_BYTES_MAX
    transcript.feed(b"\n" + json.dumps(INIT).encode() + b"\n")
    assert transcript.facts.session == "s-1"


def test_loops_are_told_from_work() -> None:
    def step(number: int, action: str, outcome: str) -> list[dict]:
        key = f"toolu_{number}"
        use = {"type": "tool_use", "id": key, "name": "Bash", "input": {"command": action}}
        done = {"type": "tool_result", "tool_use_id": key, "content": outcome}
        return [
            {"type": "assistant", "message": {"id": f"m{number}", "content": [use]}},
            {"type": "user", "message": {"content": [done]}},
        ]

    def said(*steps: tuple[str, str]) -> int | None:
        lines = [line for number, each in enumerate(steps) for line in step(number, *each)]
        return read("claude", *lines).loop.period

    assert said(*[("make", "1 failed")] * 20) == 1
    assert said(*[("make", "1 failed")] * 19) is None
    assert said(*[("edit", "ok"), ("make", "1 failed")] * 20) == 2
    assert said(*[(f"edit {n}", "ok") for n in range(7)] * 40) is None, "a circle of seven is none that is looked for"
    assert said(*[("make", f"{200 - n} failed") for n in range(200)]) is None, "its result changes: it gets somewhere"
    assert said(*[("sleep 60; check", "pending")] * 15, ("sleep 60; check", "done"), *[("make", "ok")] * 5) is None
    assert said(*[step for n in range(100) for step in (("make", "1 failed"), (f"edit {n}", "ok"))]) is None

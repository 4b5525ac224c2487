"""A language model as analyzer, against a server on a real socket: what it is asked, and what comes of each answer."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from aidos_actors.analysis_settings import LlmAnalysis
from aidos_actors.analyzers.answers import NoPlan, NotNow
from aidos_actors.analyzers.chat import NO_QUOTA_REST_S, REST_DEFAULT_S, REST_MAX_S, rest_s
from aidos_actors.analyzers.llm import LlmAnalyzer
from aidos_actors.analyzers.prompts import schema_for, unfenced
from aidos_actors.core.errors import TryAgain, Unfit
from aidos_actors.core.requirement import Requirement
from tests.chat_server import Act, chat_server, completion, dies_mid_answer, drips, raw, slow, tasks

WORDS = Requirement(id="r", title="Notes", text="Write two notes.")
GOOD = {"id": "one", "title": "First", "run": "echo one", "verify": None, "needs": [], "timeout": None}
KEY = "sk-very-secret-key"
SPENT = "spent.json"


def analyzer(url: str, folder: Path, **more: Any) -> LlmAnalyzer:
    settings = {"base_url": url, "model": "m", "allow": ["run", "verify"], "timeout_s": 5, **more}
    return LlmAnalyzer(LlmAnalysis.model_validate(settings), folder)


def spent(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / SPENT).read_text()))


def test_one_question_one_answer(tmp_path: Path) -> None:
    with chat_server(tasks(GOOD)) as server:
        made = analyzer(server.url, tmp_path, api_key=KEY, temperature=0.5, price_per_million_in=10)
        (task,) = made.analyse(WORDS)
        made.close()
    assert (task.id, task.title, task.run, task.verify) == ("one", "First", "echo one", None)
    ((headers, request),) = server.requests
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert (request["model"], request["max_tokens"], request["temperature"]) == ("m", 8192, 0.5)
    assert [each["role"] for each in request["messages"]] == ["system", "user"]
    assert "Write two notes." in request["messages"][1]["content"]
    shape = request["response_format"]["json_schema"]
    item = shape["schema"]["properties"]["tasks"]["items"]
    assert shape["strict"] and item["additionalProperties"] is False and "call" not in item["properties"]
    found = spent(tmp_path)
    assert (found["calls"], found["tokens"], found["cost"]) == (1, 150, 100 * 10 / 1e6) and found["seconds"] < 5
    assert KEY not in (tmp_path / SPENT).read_text()


@pytest.mark.parametrize("wrong", ["Sure! Here it is.", '{"tasks": [{"id": "a", "sudo": "x"}]}', '{"tasks": []}'])
def test_one_round_of_repair_with_what_was_wrong(tmp_path: Path, wrong: str) -> None:
    with chat_server(completion(wrong), tasks(GOOD)) as server:
        assert len(analyzer(server.url, tmp_path).analyse(WORDS)) == 1
    first, second = (request["messages"] for _, request in server.requests)
    assert second[:2] == first and second[2] == {"role": "assistant", "content": wrong}
    assert second[3]["content"].startswith("That is no plan:\n- ")
    assert spent(tmp_path)["calls"] == 2


def test_a_second_bad_answer_is_the_last(tmp_path: Path) -> None:
    with chat_server(completion("no")) as server, pytest.raises(NoPlan, match="is no plan"):
        analyzer(server.url, tmp_path).analyse(WORDS)
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_without_schemas_is_asked_for_less_and_that_is_remembered(tmp_path: Path, status: int) -> None:
    refusal = raw(status, '{"error": {"message": "unknown response_format"}}')
    with chat_server(refusal, refusal, completion(f"```json\n{json.dumps({'tasks': [GOOD]})}\n```")) as server:
        made = analyzer(server.url, tmp_path)
        for _ in range(2):
            assert made.analyse(WORDS)[0].id == "one"
    asked = [request.get("response_format", {}).get("type") for _, request in server.requests]
    assert asked == ["json_schema", "json_object", None, None]


FAILURES: dict[str, tuple[Act, type[Exception], str]] = {
    "a request it never understands": (raw(400, "no such model"), NoPlan, "refused the request with HTTP 400"),
    "too large": (raw(413, ""), NoPlan, "too large"),
    "a wrong key": (raw(401, f'{{"error": "Incorrect API key: {KEY}"}}'), Unfit, "HTTP 401"),
    "a wrong path": (raw(404, "<html>"), Unfit, "HTTP 404"),
    "elsewhere": (raw(302, "", Location="http://127.0.0.1:1/"), Unfit, "HTTP 302"),
    "a server error": (raw(500, "boom"), TryAgain, "HTTP 500: boom"),
    "overloaded": (raw(503, ""), TryAgain, "HTTP 503"),
    "asks to wait": (raw(429, "slow down", Retry_After="7"), NotNow, "HTTP 429: slow down"),
    "asks to wait, too": (raw(503, "", Retry_After="7"), NotNow, "HTTP 503"),
    "no money": (raw(429, '{"error": {"code": "insufficient_quota"}}'), NotNow, "insufficient_quota"),
    "dies": (dies_mid_answer, TryAgain, "RemoteProtocolError"),
    "drips": (drips, TryAgain, "took longer than"),
    "slow": (slow(tasks(GOOD)), TryAgain, "ReadTimeout"),
    "no envelope": (raw(200, "[]"), TryAgain, "no chat completion"),
    "no JSON": (raw(200, "<html>"), TryAgain, "no chat completion"),
    "no choices": (raw(200, '{"choices": []}'), TryAgain, "no chat completion"),
    "cut off": (completion('{"tasks": [', reason="length"), NoPlan, "cut off"),
    "a refusal": (completion(None, refusal="I would rather not."), NoPlan, "I would rather not."),
    "filtered": (completion(None, reason="content_filter"), NoPlan, "content_filter"),
    "endless": (completion("x" * 5000), NoPlan, "over 4,096 bytes"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_each_failure_is_what_it_is_and_shows_no_key(tmp_path: Path, name: str) -> None:
    act, kind, said = FAILURES[name]
    with chat_server(act) as server, pytest.raises(kind) as error:
        analyzer(server.url, tmp_path, api_key=KEY, timeout_s=0.3, answer_bytes=4096).analyse(WORDS)
    assert type(error.value) is kind or kind is TryAgain or kind is NoPlan
    assert said in str(error.value) and KEY not in repr(error.value)
    tokens = spent(tmp_path)["tokens"]
    assert (tokens > 8192) == (name in ("dies", "drips", "slow", "no envelope", "no JSON", "no choices", "cut off",
                                        "a refusal", "filtered", "endless"))  # fmt: skip


def test_nobody_there_costs_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TryAgain, match="ConnectError"):
        analyzer(f"http://127.0.0.1:{port}/v1", tmp_path).analyse(WORDS)
    found = spent(tmp_path)
    assert (found["calls"], found["tokens"]) == (0, 0)


def test_a_wait_that_was_asked_for_holds_for_the_next_process_too(tmp_path: Path) -> None:
    with chat_server(raw(429, "", Retry_After="30"), tasks(GOOD)) as server:
        with pytest.raises(NotNow) as error:
            analyzer(server.url, tmp_path).analyse(WORDS)
        assert error.value.delay_s == 30.0
        with pytest.raises(NotNow, match="not to be called yet") as error:
            analyzer(server.url, tmp_path).analyse(WORDS)
        assert 20 < error.value.delay_s <= 30
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"calls": 1}, "1 calls"),
        ({"tokens": 9000}, "9000 tokens"),
        ({"cost": 0.082}, "0.082 cost"),
        ({"seconds": 5}, "5 s"),
    ],
)
def test_the_day_has_a_budget(tmp_path: Path, budget: dict[str, float], said: str) -> None:
    with chat_server(completion("no")) as server, pytest.raises(NotNow, match=said) as error:
        analyzer(server.url, tmp_path, per_day=budget, price_per_million_out=10).analyse(WORDS)
    assert len(server.requests) == 1 or "tokens" in budget
    assert 0 < error.value.delay_s <= 86400


def test_a_budget_that_cannot_be_read_counts_as_spent(tmp_path: Path) -> None:
    (tmp_path / SPENT).write_text("{")
    with chat_server(tasks(GOOD)) as server:
        for said in ("cannot be understood", "its budget of"):
            with pytest.raises(NotNow, match=said):
                analyzer(server.url, tmp_path).analyse(WORDS)
    assert not server.requests


def test_a_text_over_the_limit_is_not_sent(tmp_path: Path) -> None:
    with chat_server(tasks(GOOD)) as server, pytest.raises(NoPlan, match="16 bytes"):
        analyzer(server.url, tmp_path, text_bytes=15).analyse(WORDS)
    assert not server.requests


def test_the_fingerprint_holds_what_answers_depend_on_and_no_secret(tmp_path: Path) -> None:
    base = analyzer("http://127.0.0.1:1/v1", tmp_path, api_key=KEY).fingerprint()
    assert KEY not in base
    assert base == analyzer("http://127.0.0.1:1/v1", tmp_path, api_key="other", per_day={"calls": 1}).fingerprint()
    assert base != analyzer("http://127.0.0.1:1/v1", tmp_path, model="n").fingerprint()
    assert base != analyzer("http://127.0.0.1:1/v1", tmp_path, allow=["run"]).fingerprint()


NOW = datetime(2026, 1, 1, tzinfo=UTC)
RESTS = [
    ("0", 0.0), ("1.5", 1.5), (" 7 ", 7.0), (None, REST_DEFAULT_S), ("", REST_DEFAULT_S), ("soon", REST_DEFAULT_S),
    ("-1", REST_DEFAULT_S), ("9" * 400, REST_MAX_S), ("1e9", REST_DEFAULT_S),
    (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
    (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("header", "span_s"), RESTS)
def test_retry_after(header: str | None, span_s: float) -> None:
    assert rest_s(header, NOW) == span_s
    assert NO_QUOTA_REST_S <= REST_MAX_S


def test_shapes() -> None:
    item = schema_for(("title", "run", "needs"))["properties"]["tasks"]["items"]
    assert item["required"] == ["id", "title", "run", "needs"] == list(item["properties"])
    assert unfenced("```json\n{}\n```") == "{}" == unfenced(" {} \n") == unfenced("```\n{}\n```\n")
    assert unfenced("```sh\nx\n```") == "```sh\nx\n```"

"""A requirement in words and a language model: real processes against a server on a real socket."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.chat_server import chat_server, completion, dies_mid_answer, raw, slow, tasks
from tests.system.conftest import Place, eventually

WORDS = "---\nid: notes\nrepo: ./shop\n---\n# Notes\n\nWrite two notes, the second from the first.\n"
KEY = "sk-very-secret-key"
ANALYZER = "root/analysis/analyzer"
FOUND = (
    {"id": "one", "title": "First", "run": "echo one > one.txt", "needs": []},
    {"id": "two", "title": "Second", "run": "cat one.txt > two.txt; env > env.txt", "needs": ["one"]},
)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_MODEL", KEY)


def configured(place: Place, url: str, order: str = '["llm"]', more: str = "") -> Path:
    (place.folder / "aidos.toml").write_text(
        f'[analysis]\norder = {order}\n[analysis.llm]\nbase_url = "{url}"\nmodel = "m"\napi_key_env = "MY_MODEL"\n'
        f'allow = ["run"]\ntimeout_s = 20\n{more}'
    )
    file = place.folder / "notes.md"
    file.write_text(WORDS)
    return file


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def held_up(place: Place) -> list[dict[str, Any]]:
    return [event["data"] for event in place.journal() if event["type"] == "analysis_held_up"]


def test_words_become_commits_and_nothing_is_asked_while_nothing_changes(place: Place) -> None:
    with chat_server(completion("Gladly: one, two."), tasks(*FOUND)) as server:
        file = configured(place, server.url)
        assert place.data("plan", str(file))["analyzers"] == ["llm"] and not server.requests
        done = place.aidos("run", str(file))
        assert done.returncode == 0, done.stderr
        assert len(server.requests) == 2, "one question, one round of repair"
        assert server.requests[0][0]["Authorization"] == f"Bearer {KEY}"
        assert place.git("show", "aidos/notes:two.txt") == "one"
        recorded, started = place.event("plan_recorded"), place.event("attempt_started")
        assert recorded and started and recorded["seq"] < started["seq"] and recorded["data"]["analyzer"] == "llm"
        again = place.folder / "again.md"
        again.write_text(WORDS.replace("id: notes", "id: again"))
        assert place.aidos("run", str(file)).returncode == place.aidos("run", str(again)).returncode == 0
        assert len(server.requests) == 2
    spent = json.loads((place.state / "analysis" / "llm" / "spent.json").read_text())
    assert (spent["calls"], spent["tokens"]) == (2, 300)
    assert KEY not in place.git("show", "aidos/notes:env.txt"), "no task inherits the key"
    stored = [path for path in place.state.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert not stored and KEY not in done.stdout + done.stderr + place.aidos("config", "show", "--json").stdout
    place.assert_clean()
    place.assert_laws("notes", {"one", "two"})


def test_without_a_server_the_next_analyzer_is_asked_and_it_is_said(place: Place) -> None:
    program = place.folder / "program.py"
    program.write_text(f"print('''{json.dumps({'tasks': FOUND})}''')\n")
    command = f'[analysis.command]\nrun = "python3 {program}"\nallow = ["run"]\n'
    file = configured(place, f"http://127.0.0.1:{free_port()}/v1", '["llm", "command"]', command)
    done = place.aidos("run", str(file))
    assert done.returncode == 0, done.stderr
    (told,) = held_up(place)
    assert (told["analyzer"], told["next"]) == ("llm", "command") and "ConnectError" in told["error"]
    assert "notes: no tasks found yet: " in done.stderr
    recorded = place.event("plan_recorded")
    assert recorded and recorded["data"]["analyzer"] == "command"
    place.assert_laws("notes", {"one", "two"})


def test_alone_and_without_a_server_it_waits_degraded_and_goes_on_by_itself(place: Place) -> None:
    port = free_port()
    file = configured(place, f"http://127.0.0.1:{port}/v1")
    run = place.begin("run", str(file))
    eventually(lambda: held_up(place))
    degraded = eventually(lambda: place.data("status")["degraded"])
    assert degraded[0]["path"] == ANALYZER and "ask analyzer llm" in degraded[0]["reason"]
    assert place.aidos("status").returncode == 9
    assert place.data("status", "notes")["state"] == "analysing"
    with chat_server(tasks(*FOUND), port=port) as server:
        assert run.wait(120) == 0
        assert len(server.requests) == 1
    assert {each["next"] for each in held_up(place)} == {None}
    place.assert_laws("notes", {"one", "two"})


def test_a_death_mid_answer_and_a_request_to_wait_are_waited_out(place: Place) -> None:
    busy = raw(429, "slow down", Retry_After="2")
    with chat_server(dies_mid_answer, busy, tasks(*FOUND)) as server:
        run = place.begin("run", str(configured(place, server.url)))
        eventually(lambda: len(server.requests) >= 2)
        reason = eventually(lambda: [each["reason"] for each in place.data("status")["degraded"]])
        assert "llm: HTTP 429: slow down" in reason[0]
        assert run.wait(90) == 0
        assert len(server.requests) == 3
    errors = [each["error"] for each in held_up(place)]
    assert "RemoteProtocolError" in errors[0] and errors[1] == "HTTP 429: slow down" and len(errors) == 2
    assert not place.event("task_failed")


def test_a_request_whose_answer_nobody_wants_any_more_is_cut_off_and_stays_paid_for(place: Place) -> None:
    gone = threading.Event()

    def listens(handler: BaseHTTPRequestHandler) -> None:
        gone.set() if handler.connection.recv(1) == b"" else None

    with chat_server(listens, tasks(*FOUND)) as server:
        file = configured(place, server.url)
        run = place.begin("run", str(file))
        eventually(lambda: len(server.requests) == 1)
        place.data("cancel", "notes")
        assert gone.wait(2.0), "the server sees it at once, not after the time limit of 20 s"
        assert run.wait(60) == 1
        assert place.event("analysis_held_up") is None and len(server.requests) == 1
        spent = json.loads((place.state / "analysis" / "llm" / "spent.json").read_text())
        assert spent["calls"] == 1 and spent["tokens"] > 8192, "nobody knows what it cost: it counts as its highest"
        place.data("retry", "notes")
        assert place.aidos("run", str(file)).returncode == 0
        assert len(server.requests) == 2
    place.assert_laws("notes", {"one", "two"})


def test_an_analyzer_killed_while_it_waits_for_the_model_asks_again_and_one_plan_is_recorded(place: Place) -> None:
    with chat_server(slow(tasks({"id": "late", "run": "true"})), tasks(*FOUND)) as server:
        run = place.begin("run", str(configured(place, server.url)))
        eventually(lambda: len(server.requests) == 1)
        place.kill(place.pids()[ANALYZER])
        assert run.wait(90) == 0
        assert len(server.requests) == 2
    recorded = [event for event in place.journal() if event["type"] == "plan_recorded"]
    assert [event["data"]["tasks"] for event in recorded] == [2]
    spent = json.loads((place.state / "analysis" / "llm" / "spent.json").read_text())
    assert spent["calls"] == 2 and spent["tokens"] > 8192, "what a dead process had reserved stays spent"
    place.assert_laws("notes", {"one", "two"})

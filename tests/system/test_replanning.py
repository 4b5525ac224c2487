"""A task that fails each time, and a model that is asked for another plan: real processes and a real socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.chat_server import chat_server, slow, tasks
from tests.system.conftest import Place, eventually

WORDS = "---\nid: notes\nrepo: ./shop\n---\n# Notes\n\nWrite notes.\n"
ANALYZER, SCHEDULER = "root/analysis/analyzer", "root/scheduling/scheduler"
PLAN = (
    {"id": "base", "run": "echo base > base.txt"},
    {"id": "whole", "run": "echo too much at once, password=geheim; exit 3", "needs": ["base"], "retries": 0},
    {"id": "report", "run": "cat one.txt two.txt > report.txt", "needs": ["whole"]},
    {"id": "aside", "run": "echo aside > aside.txt"},
)
SPLIT = (
    {"id": "one", "run": "cat base.txt > one.txt", "needs": ["base"]},
    {"id": "two", "run": "echo two > two.txt", "needs": ["one"]},
)
CHANGING = {"base", "one", "two", "report", "aside"}


def configured(place: Place, url: str, name: str = "notes") -> Path:
    (place.folder / "aidos.toml").write_text(
        f'[analysis]\norder = ["llm"]\n[analysis.llm]\nbase_url = "{url}"\nmodel = "m"\nallow = ["run"]\n'
    )
    file = place.folder / f"{name}.md"
    file.write_text(WORDS.replace("id: notes", f"id: {name}"))
    return file


def states(place: Place, name: str = "notes") -> dict[str, str]:
    return {task["id"]: task["state"] for task in place.data("status", name)["tasks"]}


def assert_replanned_once(place: Place, name: str = "notes") -> None:
    (replanned,) = [e for e in place.journal() if (e["type"], e["requirement"]) == ("requirement_replanned", name)]
    assert replanned["data"]["new"] == ["one", "two"] and replanned["data"]["analyzer"] == "llm"
    assert states(place, name) == dict.fromkeys(["base", "one", "two", "report", "aside"], "done")
    ran = [e for e in place.journal() if (e["type"], e["requirement"]) == ("attempt_leased", name)]
    assert len([e for e in ran if e["task"] == "base"]) == 1, "what is done is not done again"
    place.assert_laws(name, CHANGING)


def test_a_task_that_always_fails_is_split_for_one_more_request_and_never_again(place: Place) -> None:
    with chat_server(tasks(*PLAN), tasks(*SPLIT)) as server:
        done = place.aidos("run", str(configured(place, server.url)))
        assert done.returncode == 0, done.stderr
        assert "notes/whole: failed for good; waits for a new plan, 1 of 2: run ended with exit code 3" in done.stderr
        assert len(server.requests) == 2
        asked: dict[str, Any] = server.requests[1][1]
        told = json.loads(asked["messages"][-1]["content"].partition("come of it:\n")[2])
        assert told["failed"]["id"] == "whole" and told["failed"]["error"] == "run ended with exit code 3"
        assert told["failed"]["output"] == "too much at once, password=***\n"
        assert [task["id"] for task in told["done"]] == ["base"]
        assert_replanned_once(place)
        assert place.git("show", "aidos/notes:report.txt") == "base\ntwo"
        spent = json.loads((place.state / "analysis" / "llm" / "spent.json").read_text())
        assert spent["calls"] == 2
        assert place.aidos("run", str(configured(place, server.url, "again"))).returncode == 0
        assert len(server.requests) == 2, "the same words, the same failure: both answers were kept"
        assert_replanned_once(place, "again")
    place.assert_clean()


def test_scheduler_and_analyzer_die_while_a_new_plan_is_awaited_and_one_is_taken(place: Place) -> None:
    with chat_server(tasks(*PLAN), slow(tasks({"id": "late", "run": "true"})), tasks(*SPLIT)) as server:
        run = place.begin("run", str(configured(place, server.url)))
        eventually(lambda: len(server.requests) == 2)
        assert states(place)["whole"] == "replanning" and states(place)["report"] == "waiting"
        (reason,) = place.data("explain", "notes/whole")["reasons"]
        assert reason["code"] == "replanning" and "waits for a new plan: 1 of 2" in reason["text"]
        assert "waits for a new plan: number 1" in place.here("status", "notes").stdout
        place.kill(place.pids()[SCHEDULER])
        eventually(lambda: states(place)["aside"] == "done")
        before = place.pids()[ANALYZER]
        place.kill(before)
        assert run.wait(60) == 0, place.said()
        assert len(server.requests) == 3, "once more for the death of who asked, not for that of the Scheduler"
    assert_replanned_once(place)


def test_an_answer_that_is_no_help_fails_the_requirement_as_before_and_says_so(place: Place) -> None:
    again = {"id": "whole", "run": PLAN[1]["run"], "needs": ["base"], "retries": 0}
    with chat_server(tasks(*PLAN), tasks(again), tasks({"id": "base", "run": "true"})) as server:
        done = place.aidos("run", str(configured(place, server.url)))
        assert done.returncode == 1
        assert len(server.requests) == 3, "one question, one round of repair"
        repair = server.requests[2][1]["messages"][-1]["content"]
        assert "task 'whole' is the task that failed, unchanged, and would fail again" in repair
    error = place.data("status", "notes")["error"]
    assert error.startswith("task whole failed: run ended with exit code 3; and there is no new plan: llm: its answer")
    assert "task 'base' is there already and cannot be changed" in error
    assert states(place) == {"base": "done", "whole": "failed", "report": "skipped", "aside": "done"}
    place.assert_laws("notes", {"base", "aside"})

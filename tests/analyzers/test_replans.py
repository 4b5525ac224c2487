"""Analyzers that are asked what is to be done in the place of a task that failed: a real server, a real program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aidos_actors.analysis_settings import CommandAnalysis, LlmAnalysis
from aidos_actors.analyzers.answers import NoPlan
from aidos_actors.analyzers.command import CommandAnalyzer
from aidos_actors.analyzers.kept import KeptPlans
from aidos_actors.analyzers.llm import LlmAnalyzer
from aidos_actors.core.amending import told
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.requirement import Requirement, Task
from aidos_actors.withdrawal import Withdrawal
from tests.chat_server import chat_server, tasks

REQUIREMENT = Requirement(
    id="r",
    title="R",
    text="Do it.",
    tasks=(
        Task(id="base", run="make base"),
        Task(id="hard", run="make all", needs=("base",)),
        Task(id="next", run="make next", needs=("hard",)),
    ),
)
FAILED = FailedTask("hard", 4, "run ended with exit code 2", "no rule to make all\n")
SMALLER = {"id": "one", "run": "make one", "needs": ["base"]}


def llm(url: str, folder: Path, **more: Any) -> LlmAnalyzer:
    return LlmAnalyzer(LlmAnalysis(base_url=url, model="m", allow=("run",), **more), folder)


def test_a_model_is_told_what_failed_and_may_need_what_is_done(tmp_path: Path) -> None:
    with chat_server(tasks(SMALLER)) as server:
        (found,) = llm(server.url, tmp_path).replan_until(REQUIREMENT, FAILED, Withdrawal())
        system, user = (each["content"] for each in server.requests[0][1]["messages"])
    assert (found.id, found.needs) == ("one", ("base",))
    assert "Split it into smaller tasks" in system and user.startswith("Title: R\n") and "Do it." in user
    assert json.loads(user.partition("come of it:\n")[2]) == told(REQUIREMENT, FAILED)


def test_what_is_wrong_with_its_answer_is_told_it_once(tmp_path: Path) -> None:
    wrong = tasks({"id": "base", "run": "true", "needs": []}, {**SMALLER, "verify": "true"}, {**SMALLER, "id": "hard"})
    changes, same = (
        tasks({"id": "base", "run": "true"}, SMALLER),
        tasks({"id": "hard", "run": "make all", "needs": ["base"]}),
    )
    with chat_server(wrong, changes) as server:
        with pytest.raises(NoPlan, match="'base' is there already and cannot be changed"):
            llm(server.url, tmp_path).replan_until(REQUIREMENT, FAILED, Withdrawal())
        assert "key 'verify' is not allowed" in server.requests[1][1]["messages"][-1]["content"]
        assert len(server.requests) == 2
    with chat_server(same, tasks(SMALLER)) as server:
        assert llm(server.url, tmp_path).replan_until(REQUIREMENT, FAILED, Withdrawal())
        assert "unchanged, and would fail again" in server.requests[1][1]["messages"][-1]["content"]


def test_a_question_that_is_too_long_is_not_sent(tmp_path: Path) -> None:
    with chat_server(tasks(SMALLER)) as server:
        with pytest.raises(NoPlan, match=r"analysis\.llm\.text_bytes"):
            llm(server.url, tmp_path, text_bytes=100).replan_until(REQUIREMENT, FAILED, Withdrawal())
        assert not server.requests


def test_a_program_finds_it_in_a_file_and_the_words_where_they_always_are(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import json, os, sys\n"
        "seen = [sys.stdin.read(), open(os.environ['AIDOS_REPLAN']).read()]\n"
        f"open({str(tmp_path / 'seen.json')!r}, 'w').write(json.dumps(seen))\n"
        f"print({json.dumps({'tasks': [SMALLER]})!r})\n"
    )
    settings = CommandAnalysis(run=f"python3 {program}", allow=("run",))
    analyzer = CommandAnalyzer(settings, tmp_path / "own", {"PATH": "/usr/bin:/bin"})
    try:
        (found,) = analyzer.replan_until(REQUIREMENT, FAILED, Withdrawal())
    finally:
        analyzer.close()
    words, state = json.loads((tmp_path / "seen.json").read_text())
    assert (found.id, words, json.loads(state)) == ("one", "Do it.", told(REQUIREMENT, FAILED))
    assert not list((tmp_path / "own").iterdir()), "its folder goes with it"


def test_an_answer_is_kept_for_that_very_failure_of_that_very_plan(tmp_path: Path) -> None:
    kept, analyzer, found = KeptPlans(tmp_path), llm("http://localhost/v1", tmp_path), (Task(id="one", run="true"),)
    kept.put("llm", analyzer, REQUIREMENT, found, FAILED)
    assert kept.get("llm", analyzer, REQUIREMENT, FAILED) == found
    again = FailedTask("hard", 9, FAILED.error, FAILED.output)
    assert kept.get("llm", analyzer, REQUIREMENT, again) == found, "the number of the attempt says nothing"
    other_plan = REQUIREMENT.model_copy(update={"tasks": REQUIREMENT.tasks[:2]})
    others = [
        (REQUIREMENT, None),
        (REQUIREMENT, FailedTask("next", 4, FAILED.error, FAILED.output)),
        (REQUIREMENT, FailedTask("hard", 4, "exit code 3", FAILED.output)),
        (REQUIREMENT, FailedTask("hard", 4, FAILED.error, "other")),
        (other_plan, FAILED),
    ]
    assert [kept.get("llm", analyzer, *each) for each in others] == [None] * len(others)

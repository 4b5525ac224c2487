"""A server of language models in virtual time, asked by the real analyzer with its real purse; and what the laws say of
it: nobody asks twice in one life, nobody asks for what is kept, what was spent is on record, one plan is taken, and one
answer to what is to be done in the place of a task of it that always fails.

It answers the first request with 429, and each later one with another plan, or with another task.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from aidos_actors.analysis_settings import AnalysisSettings, LlmAnalysis
from aidos_actors.analyzers.answers import NotNow
from aidos_actors.analyzers.chat import Completion
from aidos_actors.analyzers.documents import DocumentAnalyzer
from aidos_actors.analyzers.llm import LlmAnalyzer
from aidos_actors.analyzers.purse import Purse
from aidos_actors.core.agents.spending import DayLimits, Spent
from aidos_actors.ports import Analyzer
from aidos_actors.withdrawal import Withdrawal
from tests.simulation.world import World, world

REST_S = 0.5
TOKENS = (100, 50)
REQUIREMENT = {"id": "words", "text": "Do it in two steps."}
HARD = "hard"  # the command that always fails
CONFIGURED = LlmAnalysis(base_url="http://localhost/v1", model="m", allow=("run",))


@dataclass
class SimulatedServer:
    """``answered``: the processes that got a plan, one for each plan; ``mended``: those that got another task."""

    requests: int = 0
    answered: list[Any] = field(default_factory=list)
    mended: list[Any] = field(default_factory=list)


class SimulatedChat:
    """Stands for ``Chat``, for one life of the Analyzer."""

    def __init__(self, plans: Path) -> None:
        self._plans = plans

    def complete(self, request: Mapping[str, Any], withdrawal: Withdrawal) -> Completion:
        server, who = server_of(world()), world().actor()
        server.requests += 1
        if server.requests == 1:
            raise NotNow("HTTP 429", REST_S)
        is_about = HARD in request["messages"][-1]["content"]
        before, make = (server.mended, instead) if is_about else (server.answered, plan)
        if sum(path.suffix != ".part" for path in self._plans.glob("*")) > is_about:
            world().broken.append("the model was asked for a plan that is kept")
        if who in before:
            world().broken.append("the model was asked twice in one life")
        before.append(who)
        return Completion(json.dumps({"tasks": make(len(before))}), *TOKENS)

    def close(self) -> None: ...


def plan(number: int) -> list[dict[str, Any]]:
    """The plan of the number-th answer; no other has a task of it."""
    one = {"id": f"one-{number}", "run": "one", "retries": 9}
    return [one, {"id": f"two-{number}", "run": HARD, "needs": [one["id"]], "retries": 0}]


def instead(number: int) -> list[dict[str, Any]]:
    """The number-th answer to what is to be done in the place of the second task."""
    return [{"id": f"mended-{number}", "run": "mended", "retries": 9}]


def simulated_analyzers(settings: AnalysisSettings, folder: Path, base_env: Mapping[str, str]) -> dict[str, Analyzer]:
    llm, clock = LlmAnalyzer(CONFIGURED, folder / "llm"), world().machine
    llm._chat = SimulatedChat(folder / "plans")  # type: ignore[assignment]
    llm._purse = Purse(folder / "llm" / "spent.json", DayLimits(), wall=clock.now)
    return {"document": DocumentAnalyzer(), "llm": llm}


def server_of(of: World) -> SimulatedServer:
    of.model = of.model or SimulatedServer()
    return of.model  # type: ignore[no-any-return]


def broken_laws(of: World, analysis: Path) -> Iterator[str]:
    """What is wrong at the end of a life; ``analysis`` is the Analyzer's folder."""
    server = server_of(of)
    file = analysis / "llm" / "spent.json"
    spent = msgspec.json.decode(file.read_bytes(), type=Spent) if file.exists() else Spent()
    if spent.calls < server.requests:
        yield f"{server.requests} requests, and {spent.calls} of them on record"
    answers = len(server.answered) + len(server.mended)
    if spent.tokens < sum(TOKENS) * answers:
        yield f"{answers} answers, and {spent.tokens} tokens on record"
    name = REQUIREMENT["id"]
    rows = [task for task in of.disk.tasks.values() if task.requirement == name]
    ran = {task.id: task.state for task in rows}
    plans = [{task["id"] for task in plan(number + 1)} for number in range(len(server.answered))]
    mended = [instead(number + 1)[0]["id"] for number in range(len(server.mended))]
    if not any({*found, each} == ran.keys() for found in plans for each in mended):
        yield f"the plan that was taken, {sorted(ran)}, is none of those that were found"
    for kind in ("plan_recorded", "task_replanning", "requirement_replanned"):
        count = sum((event.type, event.requirement) == (kind, name) for event in of.disk.events)
        if count != 1:
            yield f"the journal says {kind} {count} times"

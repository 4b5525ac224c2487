"""The work of a crash sweep that comes to the places of an analyzer: a requirement in words, a model that is paid for
its plans, and what must be true of the two in the end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from chaos.facts import Finding
from chaos.journal import read_journal
from chaos.model_server import TOKENS, ModelServer

ONLY_IN_WORDS = frozenset({"plan-kept", "charge-taken", "charge-corrected", "replan-on-record"})
LAW = "analysis"
CHANGING = ("first", "second")
HARD, EASED = "hard", "eased"
GIT_TIMEOUT_S = 60
QUESTIONS = 2  # what is to be done, and what in the place of the task that fails
_WORDS = "---\nid: shop\nrepo: ./shop\nverify: test -f a.txt\n---\n# Shop\n\nDo it in two steps.\n"
_CONFIG = """
[analysis]
order = ["llm"]
[analysis.llm]
base_url = "{url}"
model = "m"
allow = ["run", "call", "verify"]
"""


def plan_of(work: str) -> Callable[[int, str], list[dict[str, Any]]]:
    """Each answer's plan: the same tasks, which leave its number in their files. They come to the places of any run.
    One of them always fails; asked about that one, the answer is another in its place."""

    def plan(number: int, question: str) -> list[dict[str, Any]]:
        if f'"id": "{HARD}"' in question:
            return [{"id": EASED, "run": work, "retries": 9, "needs": ["first"]}]
        run = f"{work}; echo {number} > $AIDOS_TASK.txt"
        first, second = ({"id": name, "run": run, "retries": 9} for name in CHANGING)
        called = {"id": "called", "call": "platform:python_version", "needs": ["first"], "retries": 9}
        hard = {"id": HARD, "run": "exit 3", "retries": 0, "needs": ["first"]}
        return [first, {**second, "verify": "test -f second.txt", "needs": ["first", "called"]}, called, hard]

    return plan


def write_words(folder: Path, url: str) -> tuple[Path, frozenset[str]]:
    """The requirement's file beside its repository, the model at ``url`` in its configuration, and the tasks that
    change files. Nothing of it is pushed."""
    (folder / "aidos.toml").write_text(_CONFIG.format(url=url))
    file = folder / "work.md"
    file.write_text(_WORDS)
    return file, frozenset({*CHANGING, EASED})


def judge_analysis(folder: Path, model: ModelServer, struck: int) -> Iterator[Finding]:
    """What is wrong after ``struck`` deaths: an answer that was paid for is asked for again at most once after each,
    what was spent is on record, one plan was taken, and changed once."""
    if model.answers > QUESTIONS + struck:
        yield Finding(LAW, f"{model.answers} answers were paid for with {struck} deaths")
    spent = json.loads((folder / "state" / "analysis" / "llm" / "spent.json").read_bytes())
    if spent["calls"] < model.requests:
        yield Finding(LAW, f"{model.requests} requests, and {spent['calls']} of them on record")
    if spent["tokens"] < model.answers * sum(TOKENS.values()):
        yield Finding(LAW, f"{model.answers} answers, and {spent['tokens']} tokens on record")
    journal = read_journal(folder / "state")
    for kind in ("plan_recorded", "requirement_replanned"):
        count = sum(event["type"] == kind for event in journal)
        if count != 1:
            yield Finding(LAW, f"the journal says {kind} {count} times")
    numbers = {_shown(folder / "shop", f"aidos/shop:{name}.txt") for name in CHANGING}
    if len(numbers) != 1:
        yield Finding(LAW, f"tasks of several plans were carried out: {sorted(numbers)}")


def _shown(repo: Path, what: str) -> str:
    done = subprocess.run(["git", "show", what], cwd=repo, capture_output=True, text=True, timeout=GIT_TIMEOUT_S)
    return done.stdout.strip() or f"no {what}"

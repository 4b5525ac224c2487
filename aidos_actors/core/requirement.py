"""A requirement and its tasks as frozen values: what a file says, checked, with defaults filled in.

Reading text into these models, and naming file and line of what is wrong, is the analyzer's work
(``analyzers/document.py``); here stand only the rules that need no file.
"""

from __future__ import annotations

import hashlib
import json
import re
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from aidos_actors.core.retry import RETRIES_MAX, RetryPolicy

TASKS_MAX = 200_000
AGENTS_MAX = 20
_MAY_HAVE_EXPONENT = re.compile(r"[0-9]e|0\.0000")  # 1e16 and 1e+16, 0.00001 and 1e-05
_NO_EXPONENT_FROM, _NO_EXPONENT_BELOW = 1e-4, 1e16
ID_PATTERN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")


class Mode(StrEnum):
    SERIAL = "serial"
    PARALLEL = "parallel"
    MIXED = "mixed"


def check_id(value: str) -> str:
    """The id itself when it may name a requirement or a task; ``ValueError`` with the rule otherwise."""
    if not ID_PATTERN.fullmatch(value) or ".." in value or value.endswith(".lock"):
        raise ValueError(
            f"{value!r} is not an id: 1 to 64 letters, digits, '.', '_' or '-', a letter or digit first and last,"
            " no '..', not ending in '.lock'"
        )
    return value


Id = Annotated[str, AfterValidator(check_id)]
Changes = Literal["required", "optional"]


class AgentWork(BaseModel):
    """Who does a task of coding agents: the first of ``names``, and the next when that one cannot. ``changes``
    ``optional``: that nothing need change is a good end, too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...] = Field(min_length=1, max_length=AGENTS_MAX)
    changes: Changes = "required"


class Task(BaseModel):
    """One unit of work. Exactly one of ``run``, ``call`` and ``agent`` says how it is done. ``agent`` is a name where
    nothing more is to be said of it, so that documents which say no more are what they have always been."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    title: str = ""
    run: str | None = None
    call: str | None = None
    agent: str | AgentWork | None = None
    args: dict[str, Any] = Field(default_factory=dict)
    prompt: str | None = None
    needs: tuple[Id, ...] = ()
    timeout_s: float = Field(default=3600.0, gt=0)
    stall_s: float | None = Field(default=None, gt=0)
    retries: int = Field(default=3, ge=0, le=RETRIES_MAX)
    retry: RetryPolicy | None = None
    priority: int = Field(default=50, ge=0, le=100)
    group: str | None = None
    verify: str | None = None
    env: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way_to_work(self) -> Task:
        if (self.run is not None) + (self.call is not None) + (self.agent is not None) != 1:
            given = [name for name in ("run", "call", "agent") if getattr(self, name) is not None]
            what = "none of run, call and agent" if not given else " and ".join(given)
            raise ValueError(f"task {self.id!r} has {what}; exactly one of run, call, agent is needed")
        return self

    @property
    def agent_work(self) -> AgentWork | None:
        """Who does it, when agents do."""
        return AgentWork(names=(self.agent,)) if isinstance(self.agent, str) else self.agent

    @property
    def executor(self) -> str:
        """Who does it: run, call or agent."""
        return "run" if self.run is not None else "call" if self.call is not None else "agent"


class Requirement(BaseModel):
    """What is to be done. ``repo`` is an absolute path or None (no git); ``base`` None means the branch HEAD names,
    ``mode`` None what the project says, or mixed. ``text`` says it in words, for an analyzer that finds the tasks;
    without it there is at least one task."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    title: str
    repo: str | None = None
    base: str | None = None
    target: str | None = None
    mode: Mode | None = None
    workers: int | None = Field(default=None, ge=1, le=1000)
    priority: int = Field(default=50, ge=0, le=100)
    deadline_s: float | None = Field(default=None, gt=0)
    verify: str | None = None
    retry: RetryPolicy | None = None
    text: str | None = Field(default=None, min_length=1)
    tasks: tuple[Task, ...] = Field(default=(), max_length=TASKS_MAX)

    @model_validator(mode="after")
    def _something_to_do(self) -> Requirement:
        if not self.tasks and self.text is None:
            raise ValueError("there are no tasks, and no text that says what is wanted")
        return self

    @property
    def target_branch(self) -> str:
        return self.target or f"aidos/{self.id}"

    def content_sha256(self, written: str | None = None) -> str:
        """The same for the same meaning, whatever the file's comments, order of keys or spelling of durations. What it
        says in words is what was handed in: tasks found for them later change nothing. Who has just read this from the
        JSON text ``written`` saves its being written once more."""
        if self.text is not None:
            words = {**self.model_dump(mode="json", exclude={"tasks"}), "mode": self.mode or Mode.MIXED}
            return hashlib.sha256(_sorted_json(words).encode()).hexdigest()
        plain = self.retry is None and not any(task.args or task.env or task.retry for task in self.tasks)
        text = (_sorted_plainly(self, written) if plain else None) or _sorted_json(self._said())
        return hashlib.sha256(text.encode()).hexdigest()

    def _said(self) -> dict[str, Any]:
        said = {**self.model_dump(mode="json"), "mode": self.mode or Mode.MIXED}
        for each in (said, *said["tasks"]):  # keys that came later change nothing where they are not used
            if each["retry"] is None:
                del each["retry"]
        del said["text"]
        return said


class _SaidTask(msgspec.Struct):
    """A task without arguments, environment and policy; its keys stand sorted."""

    agent: str | None
    args: dict[str, Any]
    call: str | None
    env: dict[str, str]
    group: str | None
    id: str
    needs: list[str]
    priority: int
    prompt: str | None
    retries: int
    run: str | None
    stall_s: float | None
    timeout_s: float
    title: str
    verify: str | None


class _Said(msgspec.Struct):
    base: str | None
    deadline_s: float | None
    id: str
    mode: str | None
    priority: int
    repo: str | None
    target: str | None
    tasks: list[_SaidTask]
    title: str
    verify: str | None
    workers: int | None


def _sorted_plainly(requirement: Requirement, written: str | None = None) -> str | None:
    """What ``_sorted_json`` says of one whose tasks are plain, in a quarter of the time; None: only that way can
    tell."""
    try:
        said = msgspec.json.decode(written or requirement.model_dump_json(), type=_Said)
    except msgspec.DecodeError:  # agents with more to be said of them, or text that says it in another way
        return None
    said.mode = said.mode or Mode.MIXED
    spans = {said.deadline_s, *(each.timeout_s for each in said.tasks), *(each.stall_s for each in said.tasks)}
    if not all(span is None or _NO_EXPONENT_FROM <= span < _NO_EXPONENT_BELOW for span in spans):
        return None
    quick = msgspec.json.encode(said).decode()
    return quick if _needs_no_escape(quick) and "\x7f" not in quick else None  # which only ``json`` escapes


def _needs_no_escape(quick: str) -> bool:
    return quick.isascii() and "\\" not in quick


def _sorted_json(value: Any) -> str:
    """As ``json.dumps`` with sorted keys and without spaces. msgspec says the same in a seventh of the time wherever no
    character must be escaped, and no number is so large or small that one of them writes it with an exponent."""
    quick = msgspec.json.encode(value, order="sorted").decode()
    says_the_same = _needs_no_escape(quick) and not _MAY_HAVE_EXPONENT.search(quick)
    return quick if says_the_same else json.dumps(value, sort_keys=True, separators=(",", ":"))

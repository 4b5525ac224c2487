"""A requirement and its tasks as frozen values: what a file says, checked, with defaults filled in.

Reading text into these models, and naming file and line of what is wrong, is the analyzer's work
(``analyzers/document.py``); here stand only the rules that need no file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from aidos_actors.core.content_hash import sha256_in_blocks, sorted_json, sorted_plainly
from aidos_actors.core.retry import RETRIES_MAX, RetryPolicy

TASKS_MAX = 200_000
AGENTS_MAX = 20
PRIORITY_MAX = 100
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
    priority: int = Field(default=50, ge=0, le=PRIORITY_MAX)
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


class InBlocks(Sequence[Task]):
    """Many tasks of which few are at hand."""

    def texts(self) -> Iterator[bytes]:
        """JSON text of some tasks after the other, as lists. What a task leaves out has its default."""
        raise NotImplementedError


class Requirement(BaseModel):
    """What is to be done. ``repo`` is an absolute path or None (no git); ``base`` None means the branch HEAD names,
    ``mode`` None what the project says, or mixed. ``text`` says it in words, for an analyzer that finds the tasks;
    without it there is at least one task. In place of a tuple ``tasks`` may be ``InBlocks``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    title: str
    repo: str | None = None
    base: str | None = None
    target: str | None = None
    mode: Mode | None = None
    workers: int | None = Field(default=None, ge=1, le=1000)
    priority: int = Field(default=50, ge=0, le=PRIORITY_MAX)
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
            return hashlib.sha256(sorted_json(words).encode()).hexdigest()
        if not isinstance(self.tasks, tuple):
            return sha256_in_blocks(self.model_copy(update={"tasks": ()})._said(), self.tasks.texts(), _said_tasks)
        plain = self.retry is None and not any(task.args or task.env or task.retry for task in self.tasks)
        quick = sorted_plainly(written or self.model_dump_json(), Mode.MIXED) if plain else None
        return hashlib.sha256((quick or sorted_json(self._said())).encode()).hexdigest()

    def _said(self) -> dict[str, Any]:
        said = {**self.model_dump(mode="json"), "mode": self.mode or Mode.MIXED}
        del said["text"]
        for each in (said, *said["tasks"]):
            _leave_out_what_came_later(each)
        return said


_TASKS = TypeAdapter(list[Task])


def _said_tasks(text: bytes) -> list[dict[str, Any]]:
    said = [task.model_dump(mode="json") for task in _TASKS.validate_json(text)]
    for each in said:
        _leave_out_what_came_later(each)
    return said


def _leave_out_what_came_later(said: dict[str, Any]) -> None:
    """Keys that came later change nothing where they are not used."""
    if said["retry"] is None:
        del said["retry"]

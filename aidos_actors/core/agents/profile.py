"""A coding agent as it is configured, and the command line for one attempt of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from aidos_actors.core.agents.choice import AgentRules

PromptWay = Literal["stdin", "file", "argument"]
Reads = Literal["text", "json", "claude", "codex", "opencode", "goose", "aider"]
PLACES = ("prompt", "prompt_file", "session", "scratch", "worktree", "model", "turns_max", "cost_usd_max")
OPTIONS = "{options}"
"""Where what is set goes into the argument list; at its end, when this stands nowhere."""
ARGUMENT_BYTES_MAX = 128 * 1024 - 1
_PLACE = re.compile(r"\{(" + "|".join(PLACES) + r")\}")


class Variables(dict[str, str]):
    """An environment, which may hold secrets: it does not show itself."""

    def __repr__(self) -> str:
        return f"{len(self)} variables"


class AgentProfile(Struct, frozen=True):
    """``options`` are arguments that are given only when what they name is known: the session to resume, the model, a
    limit. ``session`` says who names a session: the agent (``told``), or we (``given``), which has its own option.
    ``env`` is the whole environment but what a task adds. ``limit_words`` say, in the last lines of an agent that
    failed, that its usage limit was reached; ``litter`` is what it leaves in the folder for itself."""

    name: str
    argv: tuple[str, ...]
    prompt: PromptWay
    reads: Reads
    env: Variables
    options: Mapping[str, tuple[str, ...]]
    session: Literal["told", "given"] = "told"
    resumes: bool = True
    model: str | None = None
    turns_max: int | None = None
    cost_usd_max: float | None = None
    timeout_s: float | None = None
    stall_s: float = 1800.0
    output_bytes_max: int = 64 * 1024 * 1024
    memory_bytes_max: int = 8 * 1024 * 1024 * 1024
    loop_repeats_max: int = 20
    limit_silence_s: float = 60.0
    limit_words: tuple[str, ...] = ()
    limit_exit_codes: tuple[int, ...] = ()
    litter: tuple[str, ...] = ()
    rules: AgentRules = AgentRules()

    def command(
        self, *, prompt: str, prompt_file: str, scratch: str, worktree: str, session: str | None, is_resumed: bool
    ) -> tuple[str, ...]:
        """The argument list. ``session`` is the one to resume, or that a new one is to be called."""
        known = {
            "prompt": prompt,
            "prompt_file": prompt_file,
            "scratch": scratch,
            "worktree": worktree,
            "session": session,
            "model": self.model,
            "turns_max": self.turns_max,
            "cost_usd_max": self.cost_usd_max,
        }
        wanted = [name for name in ("model", "turns_max", "cost_usd_max") if known[name] is not None]
        if session is not None:
            wanted.append("session" if is_resumed else "new_session")
        options = [part for name in wanted for part in self.options.get(name, ())]
        argv = list(self.argv)
        at = argv.index(OPTIONS) if OPTIONS in argv else len(argv)
        argv[at : at + 1] = options
        if self.prompt == "argument" and not any("{prompt}" in part for part in argv):
            argv.append("{prompt}")
        if self.prompt == "file" and not any("{prompt_file}" in part for part in argv):
            argv.append("{prompt_file}")
        return tuple(_PLACE.sub(lambda found: str(known[found[1]] or ""), part) for part in argv)

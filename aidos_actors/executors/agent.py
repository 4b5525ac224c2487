"""The ``agent`` executor: a coding agent in the task's worktree, under a minder like every other command."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from aidos_actors.core.agents.profile import ARGUMENT_BYTES_MAX, AgentProfile
from aidos_actors.core.agents.prompt import prompt_of
from aidos_actors.core.agents.transcript import Transcript
from aidos_actors.core.agents.verdict import Ending, usable_session, verdict
from aidos_actors.core.orders import AttemptKey, AttemptOutcome, Start
from aidos_actors.executors.agent_follow import CHUNK_BYTES, Follower
from aidos_actors.executors.agent_leavings import HEADER_BYTES_MAX, cut, is_sound, remove_litter, with_something_in_it
from aidos_actors.executors.command import Surroundings
from aidos_actors.executors.orders import Order, SpawnFailed
from aidos_actors.ports import Minding
from aidos_actors.programs import program_of

GRACE_S = 3.0
CEILINGS = 3  # the folders of the requirement, of all worktrees, and the state directory
_HEADER = re.compile(rb"aidos: the agent \S+, session (\S+)")


class AgentAbsent(SpawnFailed):
    """No agent of that name is configured here, or its program is not installed: another agent may do it."""

    code = "agent_absent"


class _Plan(NamedTuple):
    """How one attempt is begun. ``session`` is the one that is resumed, or that a new one is called."""

    profile: AgentProfile
    session: str | None
    is_resumed: bool


class AgentHands:
    """What a Worker does for the attempts of coding agents. One attempt at a time."""

    def __init__(self, around: Surroundings, profiles: Mapping[str, AgentProfile]) -> None:
        self._around = around
        self._profiles = profiles
        self._begun: dict[AttemptKey, _Plan] = {}

    def command(self, order: Start) -> Order:
        """What to run for an attempt, its checkpoint folder and its prompt made ready. ``AgentAbsent``; ``SpawnFailed``
        when there can be no such command."""
        plan = self._plan(order)
        env = self._env(order, plan.profile)
        self._around.make_checkpoint_ready(order.key)
        prompt = prompt_of(order, is_resumed=plan.is_resumed)
        argv = self._argv(order, plan, prompt)
        if program_of(argv[0], env.get("PATH", os.defpath), order.path) is None:
            raise AgentAbsent(
                f"the program {argv[0]!r} of the agent {plan.profile.name} was not found",
                hint=f"install it, or name it in [agents.{plan.profile.name}] of aidos.toml",
            )
        output = self._around.output(order.key)
        with output.open("a") as file:
            named = f", session {plan.session}" + (" (resumed)" if plan.is_resumed else "") if plan.session else ""
            file.write(f"aidos: the agent {plan.profile.name}{named}\n")
        self._begun = {order.key: plan}
        return self._order(order, plan.profile, argv, env, prompt)

    def ran(self, order: Start, minded: Minding) -> AttemptOutcome:
        """The agent and everything it started have ended; blocks until then."""
        plan = self._begun[order.key]
        output = self._around.output(order.key)
        follower = Follower(output, plan.profile, order.path, minded.end)
        follower.start()
        try:
            done = minded.wait()
        finally:
            follower.finish()
        cut(output, plan.profile.output_bytes_max)
        remove_litter(Path(order.path), plan.profile.litter)
        facts = follower.transcript.facts
        if plan.profile.session == "given":
            facts.session = plan.session
        outcome = verdict(
            Ending(done.reason, done.exit_code, done.signal, done.message, follower.cause, follower.why),
            facts,
            follower.transcript.tail,
            plan.profile,
            is_resumed=plan.is_resumed,
            is_sound=is_sound(order),
            now=time.time(),
            local=datetime.now().astimezone().tzinfo or UTC,
        )
        return with_something_in_it(order, outcome)

    def _plan(self, order: Start) -> _Plan:
        assert order.agent is not None
        profile = self._profiles.get(order.agent.name)
        if profile is None:
            raise AgentAbsent(f"no agent {order.agent.name!r} is configured where this runs")
        session = self._session_before(order, profile)
        if session is not None:
            return _Plan(profile, session, is_resumed=True)
        return _Plan(profile, self._new_session(order.key) if profile.session == "given" else None, is_resumed=False)

    def _session_before(self, order: Start, profile: AgentProfile) -> str | None:
        """The session of the attempt whose folder this one goes on in, as its output tells: that is on disk whatever
        became of its worker."""
        turn, key = order.agent, order.key
        if turn is None or turn.goes_on is None or not turn.is_same or not profile.resumes:
            return None
        output = self._around.layout.output(key.requirement, key.task, turn.goes_on)
        transcript = Transcript(profile.reads)
        head = b""
        with contextlib.suppress(OSError), output.open("rb") as file:
            head = file.read(HEADER_BYTES_MAX)
            file.seek(0)
            while file.tell() <= 2 * profile.output_bytes_max and (chunk := file.read(CHUNK_BYTES)):
                transcript.feed(chunk)
        transcript.close()
        if profile.session == "given":
            found = _HEADER.match(head)
            transcript.facts.session = found[1].decode() if found else None
        if profile.reads == "text" and profile.session == "given":
            transcript.facts.turns = 1  # it says nothing of turns
        return usable_session(transcript.facts)

    def _new_session(self, key: AttemptKey) -> str:
        """Unlike that of any other attempt, of this state directory or another."""
        where = hashlib.sha256(self._around.layout.state_dir.encode(errors="surrogateescape")).hexdigest()[:8]
        return f"aidos-{where}-{key.requirement}-{key.task}-{key.number}"

    def _argv(self, order: Start, plan: _Plan, prompt: str) -> tuple[str, ...]:
        file = self._around.output(order.key).with_suffix(".prompt")
        file.write_text(prompt, errors="replace")
        checkpoint = self._around.layout.checkpoint(order.key.requirement, order.key.task)
        argv = plan.profile.command(
            prompt=prompt,
            prompt_file=str(file),
            scratch=str(checkpoint),
            worktree=order.path,
            session=plan.session,
            is_resumed=plan.is_resumed,
        )
        longest = max(len(part.encode(errors="replace")) for part in argv)
        if longest > ARGUMENT_BYTES_MAX:
            raise SpawnFailed(
                f"an argument of {longest:,} bytes is more than the {ARGUMENT_BYTES_MAX:,} that a program can be given",
                hint=f'let the prompt travel otherwise: prompt = "stdin" or "file" in [agents.{plan.profile.name}]',
            )
        return argv

    def _env(self, order: Start, profile: AgentProfile) -> dict[str, str]:
        """What the profile allows, what the task adds, and ours. Git looks for no repository above the worktree, should
        the agent remove the link to its own; and the folder that programs ask for by name is the worktree."""
        own = self._around.own(order.key, order.path)
        above = os.pathsep.join(str(folder) for folder in list(Path(order.path).parents)[:CEILINGS])
        fixed = {
            "GIT_CEILING_DIRECTORIES": above,
            "PWD": order.path,
            "AIDOS_AGENT": profile.name,
        }
        return {**profile.env, **order.task.env, **fixed, **own}

    def _order(
        self, order: Start, profile: AgentProfile, argv: tuple[str, ...], env: dict[str, str], prompt: str
    ) -> Order:
        checkpoint = env["AIDOS_CHECKPOINT_DIR"]
        return Order(
            argv=argv,
            cwd=order.path,
            env=env,
            input=prompt.encode(errors="replace") if profile.prompt == "stdin" else b"",
            output_path=str(self._around.output(order.key)),
            timeout_s=timeout_of(order, profile),
            stall_s=order.task.stall_s or profile.stall_s,
            output_limit_bytes=profile.output_bytes_max,
            grace_s=GRACE_S,
            watched=(checkpoint,),
            checkpoint_dir=checkpoint,
            checkpoint_limit_bytes=self._around.limits.folder_bytes,
            watches_work=True,
            memory_limit_bytes=profile.memory_bytes_max,
        )


def timeout_of(order: Start, profile: AgentProfile) -> float:
    return min(order.task.timeout_s, profile.timeout_s or order.task.timeout_s)

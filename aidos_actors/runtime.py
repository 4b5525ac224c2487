"""The composition root, and the way to embed AIDOS: the only file that puts the parts together."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from msgspec import Struct

from aidos_actors import arguments as given
from aidos_actors.agent_settings import profiles_of
from aidos_actors.analyzers.installed import refuse_unknown
from aidos_actors.client import ask_scheduler, value_of
from aidos_actors.config import Config, projects_of
from aidos_actors.core.errors import OwnedElsewhere, TimedOut
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.states import REQUIREMENT_FINAL
from aidos_actors.desk_client import DeskClient
from aidos_actors.executors.checkpoints import CheckpointLimits
from aidos_actors.executors.environment import without_secrets
from aidos_actors.layout import Layout
from aidos_actors.machine_errors import refuse_low_limits, start_error
from aidos_actors.state_dir import prepare_state_dir
from aidos_actors.submission import prepare
from aidos_actors.tree import aidos_tree
from supervisors import ActorTree, SupervisorError, SupervisorSpec

HOLD_FILE_VARIABLE = "AIDOS_TEST_HOLD_ANALYSIS"
TITLE = "aidos"
PACKAGES = ("supervisors", "aidos_actors")
WAIT_S = 10.0
DRAIN_GRACE_S = 5.0


class Status(Struct, frozen=True):
    """A requirement as it stands; ``data`` is what ``status ID --json`` says of it. Of more than 50,000 tasks ``wait``
    and the steering verbs tell how many they are (``tasks_left_out``), and ``status`` each."""

    id: str
    state: str
    data: dict[str, Any]


def tree_of(state_dir: Path, config: Config) -> SupervisorSpec:
    """The tree of a runtime started by this process, whose environment its commands inherit, less the secrets."""
    settings, limits = config.runtime, config.limits
    refuse_unknown(config.analysis.order)
    env = {name: value for name, value in os.environ.items() if name != config.analysis.llm.api_key_env}
    return aidos_tree(
        str(state_dir),
        workers=settings.workers,
        base_env=without_secrets(env),
        retry_delay_s=settings.retry_delay_s,
        adoption_s=settings.adoption_s,
        checkpoints=CheckpointLimits(limits.checkpoint_bytes, limits.checkpoint_value_bytes),
        projects=projects_of(config),
        executors_max={name: most for name, most in limits.executors if most is not None},
        analysis=config.analysis.with_key(os.environ),
        agents=profiles_of(config.agents, os.environ),
        hold_file=os.environ.get(HOLD_FILE_VARIABLE),
    )


def farewell(drain_s: float) -> tuple[str, dict[str, Any], float]:
    """What is asked of the Scheduler before its tree is stopped."""
    from aidos_actors.actors.words import SCHEDULER

    return SCHEDULER, {"verb": "drain", "drain_s": drain_s}, drain_s + DRAIN_GRACE_S


def admission(state_dir: Path) -> tuple[str, str, tuple[str]]:
    """What is asked before each start of a system on that state directory."""
    return "aidos_actors.ledger.admission", "admit", (str(state_dir),)


class Runtime:
    """A running AIDOS system owned by this process. May be used from any thread; ends with its ``with`` block.

    ``Conflict`` when another process owns ``state_dir``. ``may_fork`` as ``ActorTree.start`` has it. Here and in every
    method an argument of the wrong type is ``BadInput``, and nothing was done.
    """

    def __init__(
        self,
        state_dir: str | os.PathLike[str] = ".aidos",
        workers: int | None = None,
        config: Config | None = None,
        drain_s: float | None = None,
        *,
        may_fork: bool = False,
    ) -> None:
        given.path("state_dir", state_dir)
        settings = Config() if config is None else given.instance("config", config, Config)
        self._config = settings.with_runtime(
            workers=None if workers is None else given.whole("workers", workers),
            drain_s=None if drain_s is None else given.number("drain_s", drain_s),
        )
        given.flag("may_fork", may_fork)
        refuse_low_limits(self._config.runtime.workers)
        self.state_dir = prepare_state_dir(state_dir)
        self.layout = Layout(str(self.state_dir))
        self._desk = DeskClient(self.state_dir)
        try:
            self.tree = ActorTree.start(
                tree_of(self.state_dir, self._config),
                state_dir=self.state_dir,
                title=TITLE,
                on_give_up="restart",
                before_stop=farewell(self._config.runtime.drain_s),
                packages=PACKAGES,
                admission=admission(self.state_dir),
                may_fork=may_fork,
                with_main=False,
            )
        except SupervisorError as error:
            if error.code == "already_started":
                hint = "`run` joins a running system; `serve --standby` waits for it to end"
                raise OwnedElsewhere(f"{self.state_dir} has an owner already: {error.message}", hint=hint) from error
            raise start_error(error.cause) or error from error

    # ---- work

    def submit(self, source: str | os.PathLike[str] | Requirement, *, revise: bool = False) -> Requirement:
        """The requirement that ``source`` (a path, a text, or a model) is has been accepted: it is on disk, and will
        be carried out. With ``revise`` it takes the place of other content under its id, unless that is under way.
        Idempotent. BadInput, Conflict: nothing was stored."""
        if not isinstance(source, Requirement):
            given.path("source", source, "a path, a text or a Requirement")
        status = lambda name: self.status(name).data  # noqa: E731
        submission = prepare(source, self._config, is_revision=given.flag("revise", revise), status=status)
        self.ask(submission.call(self.layout.blobs))
        return submission.requirement

    def status(self, requirement: str) -> Status:
        """NotFound when there is none of that id."""
        data = self.ask({"verb": "status", "id": given.text("requirement", requirement)})
        return Status(data["id"], data["state"], data)

    def wait(self, requirement: str, timeout_s: float) -> Status:
        """The status once the requirement has ended. ``TimedOut`` when it has not; it goes on."""
        given.text("requirement", requirement)
        until = time.monotonic() + given.seconds("timeout_s", timeout_s)
        while True:
            wait_s = max(0.0, min(until - time.monotonic(), WAIT_S))
            data = self.ask({"verb": "wait", "id": requirement, "wait_s": wait_s}, timeout_s=wait_s + 5.0)
            status = Status(data["id"], data["state"], data)
            if status.state in REQUIREMENT_FINAL:
                return status
            if time.monotonic() >= until:
                text = f"{requirement!r} is {status.state} after {timeout_s:g} s"
                raise TimedOut(text, hint="it goes on; wait again")

    def events(self, after_seq: int = 0, requirement: str | None = None, wait_s: float = 0.0) -> list[dict[str, Any]]:
        """Journal events after ``after_seq``, at most 500; waits up to ``wait_s`` seconds for the first."""
        of, wait_s = given.text_or_none("requirement", requirement), given.seconds("wait_s", wait_s)
        after_seq = given.whole("after_seq", after_seq)
        call = {"verb": "events", "after_seq": after_seq, "requirement": of, "wait_s": wait_s}
        return list(self.ask(call, timeout_s=wait_s + 5.0)["events"])

    def pause(self, requirement: str, task: str | None = None) -> Status:
        """Nothing of the requirement, or of one task, starts any more; what runs goes on to its end. Idempotent."""
        return self._steer("pause", requirement, task)

    def resume(self, requirement: str, task: str | None = None) -> Status:
        """It goes on where it was held back. Idempotent."""
        return self._steer("resume", requirement, task)

    def cancel(self, requirement: str, task: str | None = None) -> Status:
        """The requirement, or one task with what needs it, will not go on. Idempotent."""
        return self._steer("cancel", requirement, task)

    def retry(self, requirement: str, task: str | None = None) -> Status:
        """What failed, was skipped or cancelled is tried again; what is done stays done. Idempotent."""
        return self._steer("retry", requirement, task)

    def bump(self, requirement: str, task: str | None = None) -> Status:
        """The requirement is served before all others, or the task before its siblings."""
        return self._steer("bump", requirement, task)

    def explain(self, requirement: str, task: str) -> list[str]:
        """Why the task is not running, in words; never empty."""
        found = self.ask({"verb": "explain", **_names(requirement, task)})
        return [reason["text"] for reason in found["reasons"]]

    def result(self, requirement: str, task: str) -> Any:
        """What the callable of the task has returned, as JSON has it; None until it is done, and for commands and
        agents. NotFound when there is no such task."""
        found = self.ask({"verb": "result", **_names(requirement, task)})["result"]
        return None if found is None else json.loads(found)

    def _steer(self, verb: str, requirement: str, task: str | None) -> Status:
        names = {"id": given.text("requirement", requirement), "task": given.text_or_none("task", task)}
        data = self.ask({"verb": verb, **names})
        return Status(data["id"], data["state"], data)

    def ask(self, call: dict[str, Any], timeout_s: float = 5.0, patience_s: float = 60.0) -> Any:
        """A verb of the Scheduler's desk, repeated while the system heals."""
        given.mapping("call", call)
        timeout_s, patience_s = given.seconds("timeout_s", timeout_s), given.seconds("patience_s", patience_s)
        answer = self._desk.ask(call, timeout_s)
        return value_of(answer) if answer is not None else ask_scheduler(self.tree._call, call, timeout_s, patience_s)

    # ---- the end

    def stop(self) -> None:
        """Running tasks had their drain time, and no process of the runtime lives any more."""
        self._desk.close()
        self.tree.stop()

    def __enter__(self) -> Runtime:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _names(requirement: object, task: object) -> dict[str, str]:
    return {"id": given.text("requirement", requirement), "task": given.text("task", task)}

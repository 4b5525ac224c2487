"""The ``run`` executor: a task's shell command, and its ``verify``, each under a minder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from msgspec import Struct, field

from aidos_actors import crash
from aidos_actors.core.orders import AttemptKey, AttemptOutcome, Start
from aidos_actors.executors.checkpoints import CheckpointLimits, clear_place, removed_if_over
from aidos_actors.executors.environment import task_environment
from aidos_actors.executors.folder_size import ENTRIES_MAX
from aidos_actors.executors.minded import Minded
from aidos_actors.executors.nursery import Nursery
from aidos_actors.executors.orders import NurseryLost, Order, Outcome, SpawnFailed
from aidos_actors.folders import is_real_folder
from aidos_actors.layout import Layout

SHELL = "/bin/sh"
SIGNALLED = 128  # as the shell does: a command ended by signal 9 counts as one that ended with 137
OUTPUT_LIMIT_BYTES = 256 * 1024 * 1024


class Surroundings(Struct, frozen=True, dict=True):
    """What every command of one runtime has in common: its environment less secrets, where its state lies, and who
    it belongs to."""

    base_env: Mapping[str, str]
    layout: Layout
    limits: CheckpointLimits = field(default_factory=CheckpointLimits)

    def env(self, order: Start) -> dict[str, str]:
        """The environment of an attempt's commands."""
        return self.env_of(order.key, order.task.env, order.path)

    def env_of(self, key: AttemptKey, extra: Mapping[str, str], path: str) -> dict[str, str]:
        return {**self._inherited, **extra, **self.own(key, path)}

    @cached_property
    def _inherited(self) -> dict[str, str]:
        return task_environment(self.base_env, {}, {})

    def own(self, key: AttemptKey, path: str) -> dict[str, str]:
        """The variables that are ours."""
        return {
            "AIDOS_REQUIREMENT": key.requirement,
            "AIDOS_TASK": key.task,
            "AIDOS_ATTEMPT": str(key.number),
            "AIDOS_IDEMPOTENCY_KEY": f"{key.requirement}/{key.task}",
            "AIDOS_CHECKPOINT_DIR": str(self.layout.checkpoint(key.requirement, key.task)),
            "AIDOS_WORKTREE": path,
            "AIDOS_MARK": mark_of(self.layout, key),
        }

    def output(self, key: AttemptKey) -> Path:
        """The attempt's output file; its folder is made."""
        path = self.layout.output(key.requirement, key.task, key.number)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def command(self, order: Start, command: str) -> Order:
        """What to run for an attempt, its checkpoint folder made ready."""
        self.make_checkpoint_ready(order.key)
        return shell_order(
            command,
            cwd=order.path,
            env=self.env(order),
            output_path=self.layout.output(order.key.requirement, order.key.task, order.key.number),
            timeout_s=order.task.timeout_s,
            stall_s=order.task.stall_s,
            checkpoint_limit_bytes=self.limits.folder_bytes,
        )

    def make_checkpoint_ready(self, key: AttemptKey) -> None:
        """The task's checkpoint folder is there, with what its earlier attempts saved, as far as it is kept."""
        crash.before("checkpoint-folder-made")
        folder = self.layout.checkpoint(key.requirement, key.task)
        try:
            folder.mkdir()  # one call is all that a first attempt needs
        except OSError:
            self.remove_checkpoint_if_over(key)
            clear_place(folder)
            folder.mkdir(parents=True, exist_ok=True)
        crash.after("checkpoint-folder-made")

    def remove_checkpoint_if_over(self, key: AttemptKey) -> bool:
        """Whether the task's checkpoint was over its limit; it is gone then, and the attempt's output says so."""
        limit_bytes = self.limits.folder_bytes
        was_over = removed_if_over(self.layout.checkpoint(key.requirement, key.task), limit_bytes)
        if was_over:
            with self.output(key).open("a") as file:
                limit = f"{limit_bytes:,} bytes or {ENTRIES_MAX:,} entries"
                file.write(f"aidos: the checkpoint was over its limit of {limit} and has been removed\n")
        return was_over


def mark_of(layout: Layout, key: AttemptKey) -> str:
    """Carried in the environment of every process of an attempt, so that none is ever overlooked."""
    return f"{layout.state_dir}:{key.requirement}/{key.task}/{key.number}"


def shell_order(
    command: str,
    *,
    cwd: str,
    env: Mapping[str, str],
    output_path: Path,
    timeout_s: float,
    stall_s: float | None = None,
    checkpoint_limit_bytes: int | None = None,
) -> Order:
    """``/bin/sh -c command`` with its output at the end of ``output_path``, whose folder is made. With a limit for it,
    the checkpoint folder that ``env`` names is watched."""
    checkpoint = env["AIDOS_CHECKPOINT_DIR"] if checkpoint_limit_bytes is not None else None
    output_path.parent.mkdir(parents=True, exist_ok=True)
    return Order(
        argv=(SHELL, "-c", command),
        cwd=cwd,
        env=env,
        output_path=str(output_path),
        timeout_s=timeout_s,
        stall_s=stall_s,
        output_limit_bytes=OUTPUT_LIMIT_BYTES,
        watched=() if checkpoint is None else (checkpoint,),
        checkpoint_dir=checkpoint,
        checkpoint_limit_bytes=checkpoint_limit_bytes or 0,
    )


def judged(outcome: Outcome, stage: str, *, timeout_s: float) -> AttemptOutcome:
    """What the end of a command means for its attempt."""
    by = ("verify",) if stage == "verify" else ()
    match outcome.reason:
        case "exited" if outcome.exit_code == 0:
            return AttemptOutcome(True, 0, None, stage)
        case "exited" if outcome.exit_code is not None:
            causes = by or (str(outcome.exit_code),)
            return _own(outcome.exit_code, f"{stage} ended with exit code {outcome.exit_code}", stage, *causes)
        case "exited":
            causes = by or (str(SIGNALLED + (outcome.signal or 0)),)
            return _own(None, f"{stage} was ended by signal {outcome.signal}", stage, *causes)
        case "timeout":
            return _own(None, f"{stage} was ended after its time limit of {timeout_s:g} s", stage, "timeout", *by)
        case "stalled":
            return _own(None, f"{stage}: {outcome.message}", stage, "stall", *by)
        case "no_room":
            return AttemptOutcome(False, None, outcome.message, "start", fault="infra")
        case "lost":
            return AttemptOutcome(False, None, outcome.message, stage, fault="infra")
        case "ended":
            return AttemptOutcome(False, None, outcome.message, stage, fault="cancelled")
        case _:
            return _own(None, f"{stage}: {outcome.message}", stage, *by)


def with_its_folder(outcome: AttemptOutcome, path: str) -> AttemptOutcome:
    """The same, unless it succeeded and its folder is gone, or a link stands there: then it has failed by itself."""
    if not outcome.ok or is_real_folder(Path(path)):
        return outcome
    return _own(outcome.exit_code, "the command removed its own working folder", outcome.stage)


def _own(exit_code: int | None, error: str, stage: str, *causes: str) -> AttemptOutcome:
    return AttemptOutcome(False, exit_code, error, stage, fault="own", causes=causes)


def verified(
    nursery: Nursery,
    order: Start,
    env: Mapping[str, str],
    output: Path,
    left_s: float,
    began: Callable[[Minded], None],
) -> AttemptOutcome:
    """The task's ``verify`` has run in the worktree, within ``left_s`` seconds of its time. ``began`` is called with
    its minder before it starts. Blocks until it has ended."""
    assert order.task.verify is not None
    command = shell_order(order.task.verify, cwd=order.path, env=env, output_path=output, timeout_s=left_s)
    try:
        minded = nursery.spawn(command)
        began(minded)
        minded.go()
        return judged(minded.wait(), "verify", timeout_s=order.task.timeout_s)
    except SpawnFailed as error:
        return _own(None, error.message, "verify")
    except NurseryLost as error:
        return AttemptOutcome(False, None, error.message, "verify", fault="infra")

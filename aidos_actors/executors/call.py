"""The ``call`` executor: a Python callable in the worker's own process."""

from __future__ import annotations

import inspect
import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from aidos_actors.core.orders import AttemptOutcome, Fault, Start
from aidos_actors.core.retry import EXCEPTION
from aidos_actors.executors.checkpoints import VALUE_BYTES_MAX, CheckpointUnsaved, ValueCheckpoints

RESULT_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a callable gets as ``context``, when it has such a parameter. ``env`` is what a command would get."""

    requirement: str
    task: str
    attempt: int
    idempotency_key: str
    folder: str
    env: Mapping[str, str]
    saved: ValueCheckpoints = field(repr=False)

    def checkpoint(self, value: Any) -> None:
        """``value`` (JSON) is on disk when this returns: the next attempt, if there must be one, finds it as
        ``last_checkpoint``. Raises ``CheckpointRefused`` (too large, no JSON) or ``CheckpointUnsaved`` (the disk)."""
        self.saved.save(value)

    @property
    def last_checkpoint(self) -> Any:
        """What this task saved last, in this attempt or an earlier one; None when nothing was, or all of it is torn."""
        return self.saved.newest()


def call(
    order: Start, env: Mapping[str, str], output: Path, checkpoint_bytes_max: int = VALUE_BYTES_MAX
) -> AttemptOutcome:
    """The callable has returned or raised; its stack, when it raised, is in ``output``. Blocks as long as it does."""
    assert order.task.call is not None
    try:
        function = load(order.task.call)
        result = function(**order.task.args, **_context(function, order, env, checkpoint_bytes_max))
        text = _as_json(result, order.task.call)
    except BaseException as error:
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("a") as file:
            file.write("".join(traceback.format_exception(error)))
        fault: Fault = "infra" if isinstance(error, CheckpointUnsaved) else "own"
        return AttemptOutcome(
            False, None, f"{type(error).__name__}: {error}", "call", fault=fault, causes=_causes(error)
        )
    if len(text) > RESULT_BYTES_MAX:
        error_text = f"the result is {len(text)} bytes of JSON, more than {RESULT_BYTES_MAX}"
        return AttemptOutcome(False, None, error_text, "call", fault="own")
    return AttemptOutcome(True, 0, None, "call", text)


def _causes(error: BaseException) -> tuple[str, ...]:
    """Its class by name, and those above it."""
    return tuple(f"{EXCEPTION}{kind.__name__}" for kind in type(error).__mro__ if kind is not object)


def load(name: str) -> Any:
    """The callable that ``package.module:function`` names. ImportError or AttributeError else."""
    module, _, path = name.partition(":")
    found: Any = import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _as_json(result: Any, name: str) -> str:
    try:
        return json.dumps(result, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} returned {type(result).__name__}, which is not JSON: {error}") from None


def _context(function: Any, order: Start, env: Mapping[str, str], checkpoint_bytes_max: int) -> dict[str, CallContext]:
    try:
        takes = "context" in inspect.signature(function).parameters and "context" not in order.task.args
    except (TypeError, ValueError):
        takes = False
    if not takes:
        return {}
    key = order.key
    name = f"{key.requirement}/{key.task}"
    saved = ValueCheckpoints(Path(env["AIDOS_CHECKPOINT_DIR"]), key.number, checkpoint_bytes_max)
    return {"context": CallContext(key.requirement, key.task, key.number, name, order.path, dict(env), saved)}

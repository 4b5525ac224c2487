"""The ``call`` executor: a Python callable in the worker's own process."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from contextvars import Context
from functools import cached_property, lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from aidos_actors.core.errors import AidosError
from aidos_actors.core.kept_text import kept
from aidos_actors.core.orders import AttemptKey, AttemptOutcome, Call, CallEnded, Start
from aidos_actors.core.retry import EXCEPTION
from aidos_actors.executors.as_found import AS_FOUND
from aidos_actors.executors.checkpoints import CheckpointTooLarge, CheckpointUnsaved, ValueCheckpoints, clear_place
from aidos_actors.executors.command import Surroundings
from aidos_actors.executors.said import SAID
from aidos_actors.executors.stray_alarm import ALARM, AlarmRang
from aidos_actors.folders import delete_tree, remove_if_empty

RESULT_BYTES_MAX = 1024 * 1024
FUNCTIONS_MAX = 1000
STACK_CHARS_MAX = 200_000
_JSON = json.JSONEncoder(allow_nan=False)
# Past whatever a metaclass makes of them.
_name_of: Callable[[type], str] = type.__dict__["__name__"].__get__
_mro_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__


class Worn(AidosError):
    """The process in which callables are called is no more as they should find it."""

    code = "worn"


class CallContext:
    """What a callable gets as ``context``, when it has such a parameter. ``env`` is what a command would get; the
    ``folder`` is empty at first and goes with the attempt, unless it is the worktree of its task."""

    def __init__(
        self,
        around: Surroundings,
        key: AttemptKey,
        extra: Mapping[str, str],
        folder: Path,
        progress: Callable[[], None] | None = None,
    ) -> None:
        """``progress`` is called whenever a checkpoint was saved."""
        self.requirement = key.requirement
        self.task = key.task
        self.attempt = key.number
        self.idempotency_key = f"{key.requirement}/{key.task}"
        self._around = around
        self._key = key
        self._extra = extra
        self._folder = folder
        self._progress = progress

    @cached_property
    def env(self) -> dict[str, str]:
        self._around.make_checkpoint_ready(self._key)
        return self._around.env_of(self._key, self._extra, str(self._folder))

    @cached_property
    def folder(self) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        return str(self._folder)

    @cached_property
    def _saved(self) -> ValueCheckpoints:
        around = self._around
        folder = around.layout.checkpoint(self.requirement, self.task)
        if "env" not in self.__dict__:  # else it is ready, and what is in it is of this attempt, too
            around.remove_checkpoint_if_over(self._key)
            clear_place(folder)
        return ValueCheckpoints(folder, self.attempt, around.limits.value_bytes, around.limits.folder_bytes)

    def checkpoint(self, value: Any) -> None:
        """``value`` (JSON) is on disk when this returns: the next attempt, if there must be one, finds it as
        ``last_checkpoint``. Raises ``CheckpointRefused`` (too large, no JSON) or ``CheckpointUnsaved`` (the disk)."""
        self._saved.save(value)
        if self._progress is not None:
            self._progress()

    @property
    def last_checkpoint(self) -> Any:
        """What this task saved last, in this attempt or an earlier one; None when nothing was, or all of it is torn."""
        return self._saved.newest()

    def judged(self, result: str | AttemptOutcome) -> str | AttemptOutcome:
        """``result`` of the call; but who has left too much for its next attempt has failed by itself, and nothing of
        that is kept."""
        if not {"env", "_saved"} & self.__dict__.keys():
            return result
        limit_bytes = self._around.limits.folder_bytes
        if not self._around.remove_checkpoint_if_over(self._key):
            remove_if_empty(self._around.layout.checkpoint(self.requirement, self.task))
        elif isinstance(result, str) or result.fault != "own":
            return _own_failure(CheckpointTooLarge.over(limit_bytes))
        return result

    def close(self) -> None:
        """What was made for this attempt alone is gone."""
        if "folder" in self.__dict__:
            with contextlib.suppress(OSError):
                delete_tree(self._folder)


def call(around: Surroundings, order: Start, progress: Callable[[], None] | None = None) -> AttemptOutcome:
    """The callable of a task that has a worktree, or a folder, of its own has returned or raised; its stack, when it
    raised, is in the attempt's output. ``progress`` is called whenever it has saved a checkpoint. Blocks as long as it
    does."""
    task, key = order.task, order.key
    assert task.call is not None
    context = CallContext(around, key, task.env, Path(order.path), progress)
    result = context.judged(_called(task.call, task.args, lambda: context, lambda: around.output(key)))
    return AttemptOutcome(True, 0, None, "call", result) if isinstance(result, str) else result


def call_of_batch(around: Surroundings, requirement: str, order: Call) -> CallEnded:
    """The same for one callable of a batch. Its folder is made when it is asked for. ``Worn``: it failed, and nobody
    knows whether by itself or because of what one before it has left behind."""
    contexts: list[CallContext] = []
    key = AttemptKey(requirement, order.task, order.number)

    def context() -> CallContext:
        folder = around.layout.worktrees / requirement / f"{order.task}.{order.number}"
        contexts.append(CallContext(around, key, order.env, folder))
        return contexts[0]

    result = _called(order.function, order.args, context, lambda: around.output(key))
    for each in contexts:
        result = each.judged(result)
        each.close()
    if isinstance(result, str):
        return CallEnded(order.task, order.number, result)
    if result.fault == "own" and (wear := AS_FOUND.wear()):
        raise Worn(wear)
    return CallEnded(order.task, order.number, None, result)


def _own_failure(error: BaseException) -> AttemptOutcome:
    """Of its class by name, and those above it. What a class makes of its names and words is its own affair, and is not
    to end this process."""
    names = [_name_of(kind) for kind in _mro_of(type(error))]
    causes = tuple(f"{EXCEPTION}{name}" for name in names if name != "object")
    try:
        text = str(error)
    except BaseException as worse:
        text = f"(its text cannot be had: {_name_of(type(worse))})"
    return AttemptOutcome(False, None, kept(f"{names[0]}: {text}"), "call", fault="own", causes=causes)


def _stack_of(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except BaseException:
        return "".join(traceback.format_tb(error.__traceback__))


def load(name: str) -> Any:
    """The callable that ``package.module:function`` names. ImportError or AttributeError else."""
    module, _, path = name.partition(":")
    is_new = module not in sys.modules
    found: Any = import_module(module)
    if is_new:
        AS_FOUND.imported()
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _called(
    name: str, args: Mapping[str, Any], context: Callable[[], CallContext], output: Callable[[], Path]
) -> str | AttemptOutcome:
    """The result as JSON text, or how it failed; its process is again as it was found. A child that the callable has
    forked may come back here as well: it ends, for all that is left to do is its parent's."""
    me = os.getpid()
    ended = _ended(name, args, context, output)
    if os.getpid() != me:
        os._exit(0 if isinstance(ended, str) else 1)
    AS_FOUND.put_back()
    return ended


def _ended(
    name: str, args: Mapping[str, Any], context: Callable[[], CallContext], output: Callable[[], Path]
) -> str | AttemptOutcome:
    try:
        function = load(name)
        if "context" not in args and _takes_context(function):
            args = {**args, "context": context()}
        SAID.begin(output)
        try:
            result = Context().run(function, **args)
        finally:
            SAID.end()
            stood = ALARM.end()
        if stood is not None:
            raise AlarmRang.at(stood)
        text = _as_json(result, name)
    except BaseException as error:
        with contextlib.suppress(OSError), output().open("a", errors="backslashreplace") as file:
            file.write(kept(_stack_of(error), STACK_CHARS_MAX))
        outcome = _own_failure(error)
        return replace(outcome, fault="infra") if isinstance(error, CheckpointUnsaved) else outcome
    if len(text) > RESULT_BYTES_MAX:
        error_text = f"the result is {len(text)} bytes of JSON, more than {RESULT_BYTES_MAX}"
        return AttemptOutcome(False, None, error_text, "call", fault="own")
    return text


def _as_json(result: Any, name: str) -> str:
    try:
        return _JSON.encode(result)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} returned {type(result).__name__}, which is not JSON: {error}") from None


def _takes_context(function: Any) -> bool:
    try:
        return _signature_has_context(function)
    except TypeError:  # no hash, or no signature
        return False


@lru_cache(FUNCTIONS_MAX)
def _signature_has_context(function: Any) -> bool:
    try:
        return "context" in inspect.signature(function).parameters
    except ValueError:
        return False

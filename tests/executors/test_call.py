"""Callables run in the worker's own process: what they may return, and how they fail by themselves."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from aidos_actors.core.orders import AttemptKey, AttemptOutcome, Call, Start, WorkerId
from aidos_actors.core.requirement import Task
from aidos_actors.executors.call import CallContext, call, call_of_batch
from aidos_actors.executors.command import Surroundings
from aidos_actors.layout import Layout


def call_of(name: str, folder: Path, **args: Any) -> AttemptOutcome:
    task = Task.model_validate({"id": "a", "call": name, "args": args})
    order = Start(WorkerId("w", "1"), AttemptKey("r", "a", 2), task, str(folder), None, ())
    return call(Surroundings({}, Layout(str(folder / "state"))), order)


def about(context: CallContext, n: int) -> dict[str, Any]:
    return {"attempt": context.attempt, "key": context.idempotency_key, "task": context.env["AIDOS_TASK"], "n": n}


def test_a_result_is_json_and_the_context_comes_by_name(tmp_path: Path) -> None:
    outcome = call_of(f"{__name__}:about", tmp_path, n=3)
    assert outcome.ok and outcome.result == '{"attempt": 2, "key": "r/a", "task": "a", "n": 3}'


@pytest.mark.parametrize(
    ("name", "args", "says"),
    [
        ("builtins:object", {}, "TypeError: builtins:object returned object, which is not JSON"),
        ("builtins:float", {"x": "nan"}, "TypeError"),
        ("builtins:nothing", {}, "AttributeError"),
        ("no_such_module_here:x", {}, "ModuleNotFoundError"),
        ("sys:exit", {}, "SystemExit"),
        ("builtins:bytes", {"source": 2_000_000}, "TypeError"),
    ],
)
def test_a_callable_that_fails_fails_by_itself_and_leaves_its_stack(
    tmp_path: Path, name: str, args: dict[str, Any], says: str
) -> None:
    outcome = call_of(name, tmp_path, **args)
    assert not outcome.ok and outcome.fault == "own"
    assert outcome.error is not None and outcome.error.startswith(says)
    assert says.split(":", maxsplit=1)[0] in Layout(str(tmp_path / "state")).output("r", "a", 2).read_text()


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Named(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("no name")


class Nameless(Exception, metaclass=Named):
    pass


class Leaving(Exception):
    def __str__(self) -> str:
        raise SystemExit("gone")


class Noted(Exception):
    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]
        raise KeyboardInterrupt


def raises(how: str) -> None:
    kinds = {"no name": Nameless, "leaves": Leaving, "odd notes": Noted}
    if how in kinds:
        raise kinds[how]
    if how == "half a character":
        raise ValueError("bad \ud800 name")
    if how == "no text":
        raise Mute
    raise KeyError("x" * 5_000_000)


@pytest.mark.parametrize(
    ("how", "says", "cause"),
    [
        ("half a character", r"ValueError: bad \ud800 name", "ValueError"),
        ("no text", "Mute: (its text cannot be had: RuntimeError)", "Mute"),
        ("a whole file", "KeyError: 'xxx", "KeyError"),
        ("no name", "Nameless: ", "Nameless"),
        ("leaves", "Leaving: (its text cannot be had: SystemExit)", "Leaving"),
        ("odd notes", "Noted: ", "Noted"),
    ],
)
def test_an_exception_whose_text_cannot_be_kept_as_it_is_fails_the_task_and_not_its_worker(
    tmp_path: Path, how: str, says: str, cause: str
) -> None:
    outcome = call_of(f"{__name__}:raises", tmp_path, how=how)
    assert outcome.fault == "own" and outcome.error is not None and outcome.error.startswith(says)
    assert f"exception:{cause}" in outcome.causes
    assert len(outcome.error.encode()) < 5_000
    output = Layout(str(tmp_path / "state")).output("r", "a", 2)
    assert "raises" in output.read_text() and output.stat().st_size < 250_000


def test_a_result_too_large_to_keep_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "about", lambda: "x" * 1_100_000)
    outcome = call_of(f"{__name__}:about", tmp_path)
    assert not outcome.ok and "more than 1048576" in str(outcome.error)


def fills_its_folder(context: CallContext) -> str:
    (Path(context.folder) / "x").touch()
    return context.folder


def test_a_callable_of_a_batch_has_a_folder_only_when_it_asks_for_one_and_only_while_it_is_called(
    tmp_path: Path,
) -> None:
    around = Surroundings({}, Layout(str(tmp_path)))
    ended = call_of_batch(around, "r", Call("a", 1, f"{__name__}:fills_its_folder", {}, {}, 1.0))
    assert ended.outcome is None and ended.result is not None
    assert json.loads(ended.result) == str(tmp_path / "worktrees" / "r" / "a.1")
    assert not (tmp_path / "worktrees" / "r" / "a.1").exists()
    ended = call_of_batch(around, "r", Call("a", 1, "platform:python_version", {}, {}, 1.0))
    assert ended.outcome is None and not (tmp_path / "output").exists(), "nothing is made that nobody needs"


def test_what_went_wrong_is_named_for_a_retry_policy(tmp_path: Path) -> None:
    assert call_of("json:loads", tmp_path, s="no").causes[:2] == ("exception:JSONDecodeError", "exception:ValueError")
    assert "exception:Exception" in call_of("builtins:float", tmp_path, x="no").causes
    assert call_of("platform:machine", tmp_path).causes == ()


def forks(is_child_well: bool) -> int:
    child = os.fork()
    if child == 0 and not is_child_well:
        raise ValueError("in the child")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if child else 0


@pytest.mark.parametrize(("is_child_well", "code"), [(True, 0), (False, 1)])
def test_a_child_that_comes_back_from_the_callable_too_ends_and_calls_no_other(
    tmp_path: Path, is_child_well: bool, code: int
) -> None:
    me = os.getpid()
    outcome = call_of(f"{__name__}:forks", tmp_path, is_child_well=is_child_well)
    if os.getpid() != me:
        os._exit(77)  # it would carry out the rest of the batch, and of these tests
    assert outcome.result == str(code)
    output = Layout(str(tmp_path / "state")).output("r", "a", 2)
    assert is_child_well or "in the child" in output.read_text()

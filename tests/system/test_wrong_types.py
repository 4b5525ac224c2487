"""The embedded library given what it cannot use: an error of ours, at once, and nothing half done."""

from __future__ import annotations

from typing import Any

import pytest

from aidos_actors import Runtime
from aidos_actors.core.errors import BadInput
from tests.system.conftest import Place

WRONG = [5, b"work", ["work"], {"id": "work"}, object(), 2.5]
NO_SPANS = ["x", None, b"1", [], True, float("nan")]
TEXT = "id: work\ntasks: {a: {run: 'true'}}\n"


def refused(name: str, call: Any, *args: Any, **keys: Any) -> None:
    with pytest.raises(BadInput, match=f"{name}=") as error:
        call(*args, **keys)
    assert error.value.hint and error.value.exit_code == 3


def test_a_runtime_of_wrong_arguments_makes_nothing(place: Place) -> None:
    wrong: dict[str, list[Any]] = {
        "state_dir": [None, 5, b"x"],
        "workers": ["2", 1.5, True],
        "drain_s": ["x", True, float("nan")],
        "config": [{}, "aidos.toml"],
        "may_fork": ["yes", None],
    }
    for name, values in wrong.items():
        for value in values:
            refused(name, Runtime, **{"state_dir": place.state, name: value})
    assert not place.state.exists()


def test_a_call_with_wrong_arguments_is_refused_and_changes_nothing(place: Place) -> None:
    with Runtime(place.state, workers=1) as runtime:
        runtime.submit(TEXT)
        assert runtime.wait("work", timeout_s=float("inf")).state == "done"
        before = len(runtime.events())
        for value in [*WRONG, None]:
            refused("source", runtime.submit, value)
            for verb in (runtime.status, runtime.pause, runtime.resume, runtime.cancel, runtime.retry, runtime.bump):
                refused("requirement", verb, value)
            refused("requirement", runtime.wait, value, 1.0)
            for verb in (runtime.explain, runtime.result):
                refused("requirement", verb, value, "a")
                refused("task", verb, "work", value)
        for value in WRONG:
            refused("task", runtime.cancel, "work", value)
            refused("requirement", runtime.events, requirement=value)
        for value in NO_SPANS:
            refused("timeout_s", runtime.wait, "work", value)
            refused("wait_s", runtime.events, wait_s=value)
            refused("timeout_s", runtime.ask, {"verb": "status"}, value)
            refused("patience_s", runtime.ask, {"verb": "status"}, 5.0, value)
            refused("after_seq", runtime.events, value)
        for value in (None, 5, "status", [], {1: 2}):
            refused("call", runtime.ask, value)
        refused("revise", runtime.submit, TEXT, revise="yes")
        assert len(runtime.events()) == before and runtime.status("work").state == "done"
    place.assert_clean()

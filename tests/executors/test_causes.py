"""How a command ended, in the words of a retry policy."""

from __future__ import annotations

import pytest

from aidos_actors.executors.command import judged
from aidos_actors.executors.nursery import run


@pytest.mark.parametrize(
    ("script", "limits", "stage", "causes"),
    [
        ("exit 75", {}, "run", ("75",)),
        ("kill -9 $$", {}, "run", ("137",)),
        ("sleep 77", {"timeout_s": 0.2}, "run", ("timeout",)),
        ("sleep 77", {"stall_s": 0.3}, "run", ("stall",)),
        ("exit 75", {}, "verify", ("verify",)),
        ("sleep 77", {"timeout_s": 0.2}, "verify", ("timeout", "verify")),
        ("true", {}, "run", ()),
    ],
)
def test_the_cause_of_a_failure(bench, nursery, script, limits, stage, causes):
    outcome = judged(run(nursery, bench.shell(script, **limits)), stage, timeout_s=0.2)
    assert outcome.causes == causes
    assert outcome.ok == (not causes)

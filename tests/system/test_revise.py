"""A requirement that gets another document: with a running system, at rest, and refused while it runs."""

from __future__ import annotations

from typing import Any

from tests.system.conftest import Place, eventually
from tests.system.test_steering_kills import answered

FIRST: dict[str, Any] = {
    "a": {"run": "echo a1 > a.out"},
    "b": {"run": "echo b1 > b.out", "needs": ["a"]},
    "c": {"run": "echo c1 > c.out"},
}


def subjects(place: Place) -> list[str]:
    form = "%(trailers:key=Aidos-Task,valueonly,separator=)/%(trailers:key=Aidos-Attempt,valueonly,separator=)"
    return place.git("log", "--reverse", f"--format={form}", "main..aidos/work").split()


def test_a_run_with_another_document_does_what_changed_and_keeps_the_rest(place: Place) -> None:
    assert place.aidos("run", str(place.requirement(FIRST))).returncode == 0
    before = subjects(place)
    assert sorted(before) == ["a/1", "b/1", "c/1"]
    changed = {**FIRST, "b": {"run": "echo b2 > b.out", "needs": ["a"]}, "d": {"run": "echo d > d.out", "needs": ["b"]}}
    del changed["c"]
    file = place.requirement(changed)
    refused = place.aidos("run", str(file))
    assert refused.returncode == 7 and "--revise" in refused.stderr
    done = place.aidos("run", str(file), "--revise")
    assert done.returncode == 0 and "target aidos/work: 5 commits\ngit merge aidos/work" in done.stdout
    assert subjects(place) == [*before, "b/2", "d/1"], "done again once, on top of what was merged"
    assert [place.git("show", f"aidos/work:{name}.out") for name in "abcd"] == ["a1", "b2", "c1", "d"]
    status = place.data("status", "work")
    assert (status["state"], status["progress"]) == ("done", {"done": 3, "total": 3})
    assert {task["id"]: task["attempts"] for task in status["tasks"]} == {"a": 1, "b": 2, "d": 1}
    place.assert_clean()


def test_a_task_that_comes_back_goes_on_with_its_numbers(place: Place) -> None:
    assert place.aidos("run", str(place.requirement(FIRST))).returncode == 0
    fewer = {name: FIRST[name] for name in "ab"}
    assert not place.data("submit", str(place.requirement(fewer)), "--revise")["running"]
    status = place.data("status", "work")
    assert (status["state"], status["progress"]) == ("done", {"done": 2, "total": 2})
    assert not place.data("submit", str(place.requirement(fewer)), "--revise")["revised"], "the same is nothing new"
    back = {**fewer, "c": {"run": "echo c2 > c.out"}}
    assert place.aidos("run", str(place.requirement(back)), "--revise").returncode == 0
    assert sorted(subjects(place)) == ["a/1", "b/1", "c/1", "c/2"]
    none = place.aidos("run", str(place.requirement({"d": {"run": "true"}})), "--revise")
    assert "target aidos/work: 4 commits\ngit merge aidos/work" in none.stdout, "nothing that was merged is forgotten"


def test_what_runs_is_refused_and_what_is_paused_or_rests_is_revised(place: Place) -> None:
    waits = {"run": f"while ! test -e {place.folder}/go; do sleep 0.05; done; echo x > x.out"}
    file = place.requirement({"x": waits, "y": {"run": "echo y1 > y.out", "needs": ["x"]}})
    assert place.data("submit", str(file))["accepted"]
    serve = place.begin("serve", "--workers", "1")
    eventually(lambda: place.event("attempt_started", "x"), 120.0)
    other = place.requirement({"x": waits, "y": {"run": "echo y2 > y.out", "needs": ["x"]}})
    refused = place.here("submit", str(other), "--revise")
    assert refused.returncode == 7 and "pause work" in refused.stderr
    assert place.data("pause", "work")["state"] == "paused"
    assert place.here("submit", str(other), "--revise").returncode == 7, "x still runs"
    place.kill(place.pids()["root/scheduling/scheduler"])
    (place.folder / "go").touch()
    eventually(lambda: place.event("worktree_discarded", "x"))
    place.kill(place.pids()["root/scheduling/scheduler"])
    data = eventually(lambda: answered(place, "submit", str(other), "--revise"), 120.0)
    assert (data["running"], data["state"]) == (True, "paused")
    assert not place.data("submit", str(other), "--revise")["revised"], "once more is nothing new"
    serve.terminate()
    assert serve.wait(60) == 0
    last = place.requirement({"x": waits, "y": {"run": "echo y3 > y.out", "needs": ["x"]}})
    data = place.data("submit", str(last), "--revise")
    assert (data["running"], data["revised"], data["state"]) == (False, True, "paused")
    assert place.data("resume", "work")["state"] == "running"
    assert place.aidos("run", str(last)).returncode == 0
    assert (place.git("show", "aidos/work:y.out"), subjects(place)) == ("y3", ["x/1", "y/1"])
    place.assert_clean()

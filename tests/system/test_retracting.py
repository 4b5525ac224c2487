"""Cancelled while its commit is taken back from a red target: nothing ends before that is done, whoever dies."""

from __future__ import annotations

import signal

import pytest

from tests.system.conftest import Place, eventually
from tests.system.test_red_target import wait_for

GATE = "! grep -q red a.txt"
SCHEDULER, GITOPS = "root/scheduling/scheduler", "root/delivery/gitops"


class RedPlace:
    """``wild`` has no gate, and has published what that of ``shop`` refuses. It cannot be taken back before ``let_go``:
    somebody has checked the target out."""

    def __init__(self, place: Place, keys: dict | None = None, **tasks: dict) -> None:
        self.place, self._theirs, go = place, place.folder / "theirs", place.folder / "go"
        self.serve = place.begin("serve", "--workers", "3")
        eventually(place.is_up)
        file = place.requirement({"slow": {"run": f"{wait_for(go)}; echo > slow"}}, name="shop", verify=GATE)
        place.data("submit", str(file))
        tasks = {"wild": {"run": "echo red >> a.txt"}, **tasks}
        tasks["waits"] = {"run": f"{wait_for(place.folder / 'never')}", "needs": [*tasks]}
        place.data("submit", str(place.requirement(tasks, name="wild", target="aidos/shop", **(keys or {}))))
        eventually(lambda: place.event("attempt_started", "waits"))
        place.git("worktree", "add", "-q", str(self._theirs), "aidos/shop")
        go.touch()
        eventually(lambda: place.event("task_condemned", "wild"))

    def let_go(self) -> None:
        self.place.git("worktree", "remove", "--force", str(self._theirs))

    def task(self) -> tuple[str, str | None]:
        """State and commit of the one whose commit is red."""
        task = self.place.data("tasks", "wild")["tasks"][0]
        return task["state"], task["commit"]

    def told(self) -> list[str]:
        """What the journal says of it, from when it was condemned."""
        types = [event["type"] for event in self.place.journal() if event["task"] == "wild"]
        return types[types.index("task_condemned") :]

    def end(self) -> None:
        assert self.place.data("db", "check")["sound"]
        self.serve.send_signal(signal.SIGTERM)
        assert self.serve.wait(60) == 0
        self.place.assert_clean()


def assert_taken_back(red: RedPlace, ended: str = "requirement_cancelled") -> None:
    """By the very commit that is told; and then it ended, and the target is whole again."""
    place = red.place
    eventually(lambda: place.event(ended))
    assert red.task() == ("cancelled", None)
    assert red.told() == ["task_condemned", "task_withdrawn", "task_reverted", "task_cancelled"]
    revert = place.event("task_reverted", "wild")["data"]["commit"]
    trailers = place.git("log", "-1", "--format=%(trailers:key=Aidos-Reverted-Task,valueonly)%B", revert)
    assert trailers.startswith("wild") and "The gate refused aidos/shop with it: " in trailers
    assert "cancelled" not in trailers
    eventually(lambda: place.data("status", "shop")["state"] == "done")
    assert place.git("show", "aidos/shop:a.txt") == "a"
    assert place.data("status", "wild")["commit"] == revert


@pytest.mark.parametrize("victim", [None, GITOPS, SCHEDULER])
def test_cancelled_while_it_is_taken_back_it_ends_when_it_is(place: Place, victim: str | None) -> None:
    red = RedPlace(place)
    place.data("cancel", "wild")
    if victim is not None:
        place.kill(place.pids()[victim])
    held_up = lambda: [reason["code"] for reason in place.data("explain", "wild/wild")["reasons"]]  # noqa: E731
    eventually(lambda: held_up() == ["retracting", "held_up"])
    assert red.task() == ("retracting", None) and place.data("status", "wild")["state"] == "running"
    assert place.aidos("retry", "wild/wild").returncode == 75
    red.let_go()
    assert_taken_back(red)
    red.end()


def test_past_its_deadline_it_ends_when_it_is_taken_back(place: Place) -> None:
    red = RedPlace(place, {"deadline": "15s"})
    eventually(lambda: place.event("requirement_ending"))
    assert red.task() == ("retracting", None) and place.data("status", "wild")["state"] == "running"
    red.let_go()
    assert_taken_back(red, "requirement_failed")
    assert place.data("status", "wild")["error"].startswith("deadline")
    red.end()


def test_cancelled_when_all_have_died_it_is_taken_back_by_the_next_start(place: Place) -> None:
    red = RedPlace(place)
    place.kill(*place.marked())
    eventually(lambda: not place.marked())
    assert place.data("cancel", "wild")["state"] == "running" and red.task() == ("retracting", None)
    red.let_go()
    red.serve = place.begin("serve", "--workers", "3")
    assert_taken_back(red)
    red.end()


def test_what_cannot_be_taken_back_is_told_to_be_there(place: Place) -> None:
    """Another task has changed the same lines since; the merge driver that finds that out waits."""
    free = place.folder / "free"
    place.git("config", "merge.slow.driver", f"{wait_for(free)}; exit 1")
    (place.repo / ".git" / "info" / "attributes").write_text("a.txt merge=slow\n")
    red = RedPlace(place, more={"run": "echo more >> a.txt", "needs": ["wild"]})
    commit = place.event("task_condemned", "wild")["data"]["commit"]
    place.data("cancel", "wild/wild")
    assert red.task() == ("retracting", None)
    red.let_go()
    free.touch()
    eventually(lambda: place.event("task_kept", "wild"))
    assert red.task() == ("done", commit) and red.told() == ["task_condemned", "task_withdrawn", "task_kept"]
    place.data("cancel", "wild")
    place.data("cancel", "shop")
    eventually(lambda: {place.data("status", name)["state"] for name in ("wild", "shop")} == {"cancelled"})
    red.end()

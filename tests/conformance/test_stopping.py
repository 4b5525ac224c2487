"""A supervisor stops: in which order its children end, how long each has for it, and with which reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisors import ExitReason, Shutdown
from tests.conformance.stage import Scene, Stage, inner, pool, puppet, sup


def stopped(scene: Scene, names: str) -> dict[str, ExitReason]:
    """The scene is stopped; how each child ended."""
    pids = scene.pids()
    scene.stop()
    assert all(scene.stage.is_gone(pid or 0) for pid in pids.values())
    assert [reason.kind for reason in scene.exits("")] == ["shutdown"]
    found = {}
    for name in names:
        (found[name],) = scene.exits(name)
    return found


def test_SHUT_01_a_worker_and_a_supervisor_are_waited_for_without_limit(stage: Stage) -> None:
    with stage.play(sup(puppet("w", shutdown="infinity"), inner("s", "x"))) as scene:
        assert stage.tree.child_spec(scene.path, "s").shutdown is Shutdown.INFINITY
        assert {name: reason.kind for name, reason in stopped(scene, "ws").items()} == {
            "w": "shutdown",
            "s": "shutdown",
        }


@pytest.mark.parametrize("strategy", [pytest.param("one_for_one", id="SHUT-02"), pytest.param("dynamic", id="SHUT-03")])
def test_the_busy_one_is_killed_after_its_time(stage: Stage, strategy: str) -> None:
    limit_s = 0.3 if stage.is_real else 1.0
    children = [puppet(name, shutdown=limit_s) for name in "ab"]
    with stage.play(pool(children[0]) if strategy == "dynamic" else sup(*children)) as scene:
        if strategy == "dynamic":
            scene.add_instance("a")
            scene.add_instance("b")
        scene.tell("b", "hang", 60.0)
        at = stage.now()
        found = stopped(scene, "ab")
        assert found["a"].kind == "shutdown" and stage.now() - at >= limit_s
        assert found["b"].kind == "killed" and f"did not stop within {limit_s:g} s" in found["b"].detail


@pytest.mark.parametrize(
    "other", [pytest.param({"shutdown": 1.0}, id="SHUT-04"), pytest.param({"shutdown": "infinity"}, id="SHUT-16")]
)
def test_who_is_to_be_killed_at_once_is(stage: Stage, other: dict[str, object]) -> None:
    with stage.play(sup(puppet("a", **other), puppet("k", shutdown="kill"))) as scene:
        found = stopped(scene, "ak")
        assert {name: reason.kind for name, reason in found.items()} == {"a": "shutdown", "k": "killed"}


@pytest.mark.parametrize(
    "count", [pytest.param(10, id="SHUT-05"), pytest.param(3, id="SHUT-11"), pytest.param(1, id="SHUT-18")]
)
def test_all_to_be_killed_at_once_are(stage: Stage, count: int) -> None:
    spec = pool(puppet("w", shutdown="kill"), initial=count)
    if count == 3:
        spec = sup(*(puppet(f"w-{number}", shutdown="kill") for number in (1, 2, 3)))
    with stage.play(spec) as scene:
        scene.stop()
        assert [scene.exits(f"w-{number}")[0].kind for number in range(1, count + 1)] == ["killed"] * count


def test_SHUT_09_START_14_starts_go_left_to_right_and_stops_right_to_left(stage: Stage, book: str) -> None:
    with stage.play(sup(*(puppet(name, book=book) for name in "dacbe"))) as scene:
        assert scene.ids() == list("dacbe")
        scene.stop()
    told = Path(book).read_text().split()
    assert told[1::2] == [*"dacbe", *"ebcad"] and told[::2] == ["start"] * 5 + ["stop"] * 5


@pytest.mark.parametrize("limit", [pytest.param("infinity", id="SHUT-12"), pytest.param(1.0, id="SHUT-13")])
def test_each_keeps_its_own_reason(stage: Stage, limit: object) -> None:
    children = [puppet("a", shutdown=limit), puppet("b", shutdown=limit, stops="all put away")]
    with stage.play(sup(*children, puppet("c", shutdown=limit, stops="raise"))) as scene:
        found = stopped(scene, "abc")
        assert (found["a"].kind, found["b"]) == ("shutdown", ExitReason("shutdown", "all put away"))
        assert found["c"].kind == "abnormal" and found["c"].detail == "RuntimeError: cannot stop"

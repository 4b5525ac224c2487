"""Who is restarted when a child ends, and how often before the supervisor gives up."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisors import Backoff, ExitReason, Restart, Shutdown, SupervisorSpec
from tests.conformance.stage import Scene, Stage, pool, puppet, refused, sup

P, TR, TE = Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY
NORMALLY, ABNORMALLY = ("stop", "normal", "done"), ("raise", "told to")


@pytest.mark.parametrize(
    ("restart", "how", "then"),
    [
        pytest.param(P, NORMALLY, "restarted", id="TYPE-01"),
        pytest.param(TR, NORMALLY, "kept", id="TYPE-02"),
        pytest.param(TE, NORMALLY, "forgotten", id="TYPE-03"),
        pytest.param(P, ABNORMALLY, "restarted", id="TYPE-07"),
        pytest.param(TR, ABNORMALLY, "restarted", id="TYPE-08"),
        pytest.param(TE, ABNORMALLY, "forgotten", id="TYPE-09"),
    ],
)
def test_what_follows_an_end(stage: Stage, restart: Restart, how: tuple[str, str], then: str) -> None:
    with stage.play(sup(puppet("a", restart=restart))) as scene:
        before = scene.pid("a")
        scene.hit("a", *how)
        if then == "restarted":
            scene.eventually(lambda: scene.is_up("a"))
            assert scene.pid("a") != before and scene.counts() == (1, 1, 0, 1)
        elif then == "kept":
            assert scene.info("a").pid is None and scene.counts() == (1, 0, 0, 1)
        else:
            assert scene.counts() == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("strategy", "dies", "new"),
    [
        pytest.param("one_for_one", "a", "a", id="STRAT-01"),
        pytest.param("one_for_all", "a", "abc", id="STRAT-02"),
        pytest.param("rest_for_one", "b", "bc", id="STRAT-03"),
    ],
)
def test_who_is_restarted_with_whom(stage: Stage, strategy: str, dies: str, new: str) -> None:
    with stage.play(sup(*map(puppet, "abc"), strategy=strategy)) as scene:
        before = scene.pids()
        scene.hit(dies, *ABNORMALLY)
        scene.eventually(lambda: all(scene.is_up(name) and scene.pids()[name] != before[name] for name in new))
        after = scene.pids()
        assert {name for name in "abc" if after[name] != before[name]} == set(new)
        assert all(stage.is_gone(before[name] or 0) for name in new) and scene.ids() == list("abc")


def test_STRAT_04_only_the_instance_that_died_is_replaced(stage: Stage) -> None:
    with stage.play(pool(initial=2)) as scene:
        before = scene.pids()
        scene.hit("w-1", *ABNORMALLY)
        scene.eventually(lambda: scene.is_up("w-1"))
        assert scene.pids()["w-2"] == before["w-2"] and scene.pids()["w-1"] != before["w-1"]


def test_STRAT_05_START_12_extra_information_changes_no_rule(stage: Stage) -> None:
    template = puppet("w", starts=("info",))
    for spec, name in ((pool(template, initial=1, max_restarts=1), "w-1"), (sup(template, max_restarts=1), "w")):
        with stage.play(spec) as scene:
            before = scene.info(name)
            assert before.info == {"name": "w"}
            scene.hit(name, *ABNORMALLY)
            scene.eventually(lambda scene=scene, name=name: scene.is_up(name))
            assert scene.info(name).info == {"name": "w"} and scene.pid(name) != before.pid
            scene.hit(name, *ABNORMALLY)
            assert scene.end().kind == "shutdown"


def test_STRAT_08_after_a_failed_restart_only_that_one_is_tried_again(stage: Stage, book: str) -> None:
    children = (puppet("a", book=book), puppet("b", book=book, starts=("ok", "raise", "ok")))
    with stage.play(sup(*children, strategy="rest_for_one")) as scene:
        scene.hit("a")
        scene.eventually(lambda: scene.is_up("b"))
        told = Path(book).read_text().split("\n")
        assert told == ["start a", "start b", "stop b", "start a", "start b", "start b", ""]


def test_STRAT_09_the_limit_is_three_within_five_seconds_unless_it_is_given(stage: Stage) -> None:
    spec = SupervisorSpec(id="sup", children=(puppet("a"),))
    assert (spec.max_restarts, spec.within_s, spec.strategy) == (3, 5.0, "one_for_one")
    with stage.play(spec) as scene:
        hits(scene, "aaa")
        scene.hit("a")
        assert "more than 3 restarts in 5 s" in scene.end().detail


def hits(scene: Scene, names: str) -> None:
    """One after the other is killed, and is back."""
    for name in names:
        scene.hit(name)
        scene.eventually(lambda name=name: scene.is_up(name))


def test_INT_01_the_window_slides(stage: Stage) -> None:
    """Also BX-08: what lies outside of the window does not count."""
    window_s = 0.3 if stage.is_real else 1.0
    with stage.play(sup(puppet("a"), max_restarts=1, within_s=window_s)) as scene:
        for _ in range(4):
            hits(scene, "a")
            stage.passes(window_s * 2.1)
        assert scene.info("a").restarts == 4


@pytest.mark.parametrize(
    ("strategy", "names"),
    [pytest.param("one_for_one", "aba", id="INT-02"), pytest.param("one_for_all", "bab", id="INT-03")],
)
def test_the_limit_belongs_to_the_supervisor(stage: Stage, strategy: str, names: str) -> None:
    with stage.play(sup(*map(puppet, "ab"), strategy=strategy, max_restarts=2, within_s=3600)) as scene:
        hits(scene, names[:2])
        scene.eventually(lambda: all(map(scene.is_up, "ab")))
        pids = scene.pids()
        scene.hit(names[2])
        assert scene.end().kind == "shutdown" and all(stage.is_gone(pid or 0) for pid in pids.values())


@pytest.mark.parametrize(
    ("limit", "restart"),
    [pytest.param(1, P, id="INT-06"), pytest.param(10, TR, id="INT-07"), pytest.param(10, P, id="BX-07")],
)
def test_failed_start_attempts_use_up_the_limit(stage: Stage, book: str, limit: int, restart: Restart) -> None:
    """Tried until the limit; then the child is stopped for good, and the parent is told."""
    with stage.play(sup(puppet("a", restart=restart, book=book, starts=("ok", "raise")), max_restarts=limit)) as scene:
        scene.hit("a")
        reason = scene.end()
        assert reason.kind == "shutdown" and "ValueError: cannot start" in reason.detail
        assert Path(book).read_text().count("start a") == 1 + limit


def test_INT_08_one_failed_attempt_is_not_final(stage: Stage, book: str) -> None:
    with stage.play(sup(puppet("a", book=book, starts=("ok", "raise", "ok")), max_restarts=2)) as scene:
        scene.hit("a")
        scene.eventually(lambda: scene.is_up("a"))
        assert scene.counts() == (1, 1, 0, 1) and scene.info("a").restarts == 2


def test_INT_10_one_failure_of_the_group_is_one_restart(stage: Stage) -> None:
    with stage.play(sup(*map(puppet, "abc"), strategy="one_for_all", max_restarts=1)) as scene:
        before = scene.pids()
        scene.hit("b")
        scene.eventually(lambda: all(scene.is_up(name) and scene.pids()[name] != before[name] for name in "abc"))
        scene.hit("c")
        assert scene.end().kind == "shutdown"


def test_INT_12_what_is_done_by_hand_does_not_count(stage: Stage) -> None:
    with stage.play(sup(puppet("a"), max_restarts=1)) as scene:
        hits(scene, "a")
        for _ in range(2):
            scene.terminate("a")
            scene.restart("a")
        assert scene.is_up("a") and not scene.has_ended()


@pytest.mark.parametrize(
    ("strategy", "cannot"),
    [
        pytest.param("one_for_one", "a", id="ESC-01"),
        pytest.param("one_for_all", "b", id="ESC-02"),
        pytest.param("rest_for_one", "b", id="ESC-03"),
    ],
)
def test_a_child_that_cannot_come_back_takes_its_supervisor_down(
    stage: Stage, book: str, strategy: str, cannot: str
) -> None:
    children = [puppet(name, book=book, starts=("ok", "raise") if name == cannot else ("ok",)) for name in "ab"]
    with stage.play(sup(*children, strategy=strategy, max_restarts=4)) as scene:
        pids = scene.pids()
        scene.hit("a")
        assert scene.end().kind == "shutdown" and all(stage.is_gone(pid or 0) for pid in pids.values())
        tries = Path(book).read_text().count(f"start {cannot}") - 1
        assert tries == 4


def test_ESC_04_an_instance_that_cannot_come_back_takes_the_pool_down(stage: Stage, book: str) -> None:
    with stage.play(pool(max_restarts=4)) as scene:
        scene.add_instance("good")
        scene.add_instance("bad", name="bad", book=book, starts=("ok", "raise"))
        good = scene.pid("good")
        scene.hit("bad")
        assert scene.end().kind == "shutdown" and stage.is_gone(good)


def inner(name: str, *children: str, **more: object) -> SupervisorSpec:
    return SupervisorSpec(id=name, children=[puppet(each) for each in children], **more)  # type: ignore[arg-type]


def test_ESC_05_a_failure_within_the_limit_stays_where_it_is(stage: Stage) -> None:
    with stage.play(sup(inner("one", "x"), inner("two", "y", "z"), strategy="one_for_all")) as scene:
        before = {name: scene.pid(name) for name in ("one", "two", "one/x", "two/y", "two/z")}
        scene.hit("two/y")
        scene.eventually(lambda: scene.is_up("two/y"))
        after = {name: scene.pid(name) for name in before}
        assert {name for name in before if after[name] != before[name]} == {"two/y"}


@pytest.mark.parametrize("how", [(), ABNORMALLY])
def test_ESC_09_START_16_a_new_worker_takes_the_name(stage: Stage, how: tuple[str, ...]) -> None:
    """Killed, raised or left: who comes back has the name, and its state from the beginning."""
    with stage.play(sup(inner("mid", "w"))) as scene:
        for each in (how, NORMALLY):
            assert scene.ask("mid/w", "mine") == "mine"
            before = scene.ask("mid/w", "incarnation")
            scene.hit("mid/w", *each)
            scene.eventually(lambda before=before: scene.ask("mid/w", "incarnation") != before)
            assert scene.ask("mid/w", "kept") == []


def test_ESC_10_an_inner_supervisor_is_managed_by_its_name(stage: Stage) -> None:
    with stage.play(sup(inner(f"mid-{stage.kind}", "w"))) as scene:
        mid = f"mid-{stage.kind}"
        before = scene.pid(f"{mid}/w")
        stage.tree.terminate_child(mid, "w")
        assert stage.is_gone(before) and scene.info(f"{mid}/w").state == "stopped"
        assert stage.tree.restart_child(mid, "w").pid not in (None, before)
        assert scene.ask(f"{mid}/w", ("reply", 1)) == 1


def test_ESC_15_a_failing_loop_can_be_left(stage: Stage, book: str) -> None:
    """A pid is no handle; the id is. Then the supervisor is stopped in a second such loop."""
    slow = puppet("w", book=book, starts=("ok", "raise"), backoff=Backoff(initial_s=0.2, factor=1))
    with stage.play(pool(slow, max_restarts=1000)) as scene:
        scene.add_instance("w-1", name="w-1")
        scene.add_instance("w-2", name="w-2")
        pid = scene.pid("w-1")
        for name in ("w-1", "w-2"):
            scene.hit(name)
            scene.eventually(lambda name=name: scene.info(name).state == "restarting")
        refused("not_found", scene.terminate, str(pid))
        scene.terminate("w-1")
        assert scene.ids() == ["w-2"] and scene.info("w-2").state == "restarting"
        scene.stop()
        assert scene.has_ended()


def test_ESC_15_a_failing_loop_within_a_group_can_be_left(stage: Stage, book: str) -> None:
    """Of three the second cannot come back, and is taken out: the third, which waited behind it, stays as it is."""
    cannot = puppet("b", book=book, starts=("ok", "raise"), backoff=Backoff(initial_s=0.05, factor=1))
    with stage.play(sup(puppet("a"), cannot, puppet("c"), strategy="rest_for_one", max_restarts=1000)) as scene:
        first = scene.pid("a")
        scene.hit("b")
        scene.eventually(lambda: scene.info("b").restarts > 1)
        refused("restarting", scene.restart, "b")
        refused("restarting", scene.delete, "b")
        refused("already_present", scene.add, puppet("b"))
        assert scene.info("c").pid is None and scene.counts() == (3, 1, 0, 3)
        scene.terminate("b")
        assert [info.state for info in scene.children()] == ["running", "stopped", "stopped"]
        assert scene.pid("a") == first and scene.restart("c").state == "running"


def test_ESC_17_a_new_inner_supervisor_takes_the_name(stage: Stage) -> None:
    with stage.play(sup(inner("bridge", "x"), puppet("y"), strategy="one_for_all")) as scene:
        before = {name: scene.pid(name) for name in ("bridge", "bridge/x", "y")}
        scene.hit("bridge")
        scene.eventually(lambda: scene.ask("bridge/x", ("reply", 1)) == 1 and scene.is_up("y"))
        assert all(scene.pid(name) != pid and stage.is_gone(pid) for name, pid in before.items())


ENDS = [("stop", "shutdown", ""), ("stop", "shutdown", "with detail"), ("raise", "other")]


@pytest.mark.parametrize(("restart", "back"), [(TE, []), (TR, [2]), (P, [0, 1, 2])])
def test_ADM_27_ADM_29_which_end_brings_which_instance_back(stage: Stage, restart: Restart, back: list[int]) -> None:
    with stage.play(pool(puppet("w", restart=restart))) as scene:
        for number, how in enumerate(ENDS):
            scene.add_instance(f"w-{number}")
            scene.hit(f"w-{number}", *how)
        scene.eventually(lambda: all(scene.is_up(name) for name in scene.ids()))
        assert scene.ids() == [f"w-{number}" for number in back]


# ---- stopping


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

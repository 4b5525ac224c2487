"""Who is restarted when a child ends, and how often before the supervisor gives up."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisors import Restart, SupervisorSpec
from tests.conformance.stage import ABNORMALLY, NORMALLY, Scene, Stage, pool, puppet, sup

P, TR, TE = Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY


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


ENDS = [("stop", "shutdown", ""), ("stop", "shutdown", "with detail"), ("raise", "other")]


@pytest.mark.parametrize(("restart", "back"), [(TE, []), (TR, [2]), (P, [0, 1, 2])])
def test_ADM_27_ADM_29_which_end_brings_which_instance_back(stage: Stage, restart: Restart, back: list[int]) -> None:
    with stage.play(pool(puppet("w", restart=restart))) as scene:
        for number, how in enumerate(ENDS):
            scene.add_instance(f"w-{number}")
            scene.hit(f"w-{number}", *how)
        scene.eventually(lambda: all(scene.is_up(name) for name in scene.ids()))
        assert scene.ids() == [f"w-{number}" for number in back]

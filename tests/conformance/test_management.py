"""Adding, terminating, restarting and deleting children by hand: what a supervisor does, and what it refuses."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from supervisors import Backoff, Restart, SupervisorSpec
from supervisors.testing import Puppet
from tests.conformance.stage import Stage, pool, puppet, refused, sup


def test_ADM_01_what_runs_already_is_named(stage: Stage) -> None:
    with stage.play(sup(puppet("a"))) as scene:
        pid = scene.pid("a")
        assert f"pid {pid}" in refused("already_started", scene.add, puppet("a")).message
        assert scene.pid("a") == pid and scene.counts() == (1, 1, 0, 1)


def test_ADM_03_a_terminated_child_is_kept_and_does_not_come_back(stage: Stage) -> None:
    with stage.play(sup(puppet("a"))) as scene:
        pid = scene.pid("a")
        scene.terminate("a")
        assert stage.is_gone(pid) and scene.counts() == (1, 0, 0, 1)
        last = scene.info("a").last_exit
        assert last is not None and last.kind == "shutdown"
        stage.passes(0.1)
        assert scene.info("a").state == "stopped"


def test_ADM_05_an_unknown_id_is_not_found(stage: Stage) -> None:
    with stage.play(sup(puppet("a"))) as scene:
        for verb in (scene.terminate, scene.delete, scene.restart):
            refused("not_found", verb, "nobody")
        refused("not_found", stage.tree.which_children, "no such supervisor")


def test_ADM_07_ADM_08_ADM_18_a_child_through_its_whole_life(stage: Stage) -> None:
    with stage.play(sup()) as scene:
        first = scene.add(puppet("a"))
        assert scene.ids() == ["a"] and scene.counts() == (1, 1, 0, 1)
        refused("running", scene.delete, "a")
        scene.terminate("a")
        again = scene.restart("a")
        assert again.pid not in (None, first.pid) and again.state == "running"
        refused("running", scene.restart, "a")
        scene.terminate("a")
        scene.delete("a")
        refused("not_found", scene.restart, "a")
        assert scene.ids() == [] and scene.counts() == (0, 0, 0, 0)


def test_ADM_11_a_fresh_pool_has_its_template_and_nobody(stage: Stage) -> None:
    with stage.play(pool()) as scene:
        assert scene.ids() == [] and scene.counts() == (1, 0, 0, 0)


def test_ADM_12_two_instances_are_counted(stage: Stage) -> None:
    with stage.play(pool()) as scene:
        ids = [scene.add_instance().id, scene.add_instance().id]
        assert len(set(ids)) == 2 and scene.ids() == ids and scene.counts() == (1, 2, 0, 2)


def test_ADM_12_a_number_that_was_given_by_hand_is_passed_over(stage: Stage) -> None:
    with stage.play(pool(initial=1)) as scene:
        scene.add_instance("w-3")
        assert [scene.add_instance().id for _ in range(2)] == ["w-2", "w-4"]


def test_ADM_22_what_is_for_a_template_is_not_dropped_beside_a_whole_description(stage: Stage) -> None:
    with stage.play(pool()) as scene:
        for more in ({"args": {}}, {"id": "other"}):
            refused("bad_spec", partial(stage.tree.start_child, scene.path, puppet("own"), **more))
        assert scene.add(puppet("own")).state == "running" and scene.ids() == ["own"]
    with stage.play(sup()) as scene:
        refused("bad_spec", scene.add_instance, "own")


def test_ADM_15_a_pid_is_no_handle_of_an_instance_and_its_template_is_no_child(stage: Stage) -> None:
    with stage.play(pool(initial=1)) as scene:
        for handle in (str(scene.pid("w-1")), "w", scene.pid("w-1")):
            for verb in (scene.terminate, scene.restart, scene.delete):
                refused("not_found", verb, handle)


def test_ADM_16_an_instance_that_ignores_is_not_kept(stage: Stage) -> None:
    with stage.play(pool()) as scene:
        assert scene.add_instance("w-1", starts=("ignore",)).pid is None
        scene.add_instance("w-2")
        assert scene.ids() == ["w-2"] and scene.counts() == (1, 1, 0, 1)


def test_ADM_19_a_cap_of_none(stage: Stage) -> None:
    with stage.play(pool(max_children=0)) as scene:
        refused("max_children", scene.add_instance)
        assert scene.counts() == (1, 0, 0, 0)


def test_ADM_20_one_in_restart_has_its_place(stage: Stage) -> None:
    with stage.play(pool(puppet("w", backoff=Backoff(initial_s=0.3, factor=1)), max_children=1)) as scene:
        scene.add_instance("w-1")
        scene.hit("w-1")
        refused("max_children", scene.add_instance, "w-2")
        scene.eventually(lambda: scene.is_up("w-1"))
        refused("max_children", scene.add_instance, "w-2")


def test_ADM_22_each_outcome_of_a_start_has_its_answer(stage: Stage) -> None:
    with stage.play(pool()) as scene:
        assert scene.add_instance("info", name="n", starts=("info",)).info == {"name": "n"}
        assert scene.add_instance("plain").info is None
        assert scene.add_instance("ignored", starts=("ignore",)).pid is None
        assert refused("start_failed", scene.add_instance, "error", starts=("raise",)).cause.startswith("ValueError")
        assert "TypeError" in refused("start_failed", scene.add_instance, "nonsense", starts=7).cause
        assert scene.ids() == ["info", "plain"]


def test_ADM_24_five_instances_whose_restarts_come_out_differently(stage: Stage, book: str) -> None:
    slow = puppet("w", book=book, backoff=Backoff(initial_s=2.0, factor=1))
    quick = {"plain": "ok", "info": "info", "ignored": "ignore"}
    with stage.play(pool(puppet("w", book=book))) as fast, stage.play(pool(slow)) as loop:
        for name, start in quick.items():
            fast.add_instance(name, name=name, starts=("ok", start))
        for name, start in {"error": "raise", "nonsense": "die"}.items():
            loop.add_instance(name, name=name, starts=("ok", start))
        for scene in (fast, loop):
            for name in scene.ids():
                scene.hit(name)
        fast.eventually(lambda: fast.ids() == ["plain", "info"] and all(map(fast.is_up, fast.ids())))
        assert [info.state for info in loop.children()] == ["restarting"] * 2 and loop.counts() == (1, 0, 0, 2)


def test_ADM_25_ADM_30_terminating_an_ended_instance_again_succeeds(stage: Stage) -> None:
    """OTP's template supervisor says ok, Elixir's says not found; here it is ok, and only for what once was."""
    with stage.play(pool()) as scene:
        pid = scene.add_instance("w-1").pid
        scene.terminate("w-1")
        assert scene.ids() == [] and stage.is_gone(pid or 0)
        scene.terminate("w-1")
        refused("not_found", scene.terminate, "w-2")


def test_ADM_31_who_watches_is_told_and_who_is_linked_is_hit(stage: Stage) -> None:
    """A link is one_for_all under a common supervisor; a watch tells of the end and hits nobody."""
    linked = sup(puppet("caller"), puppet("task", restart=Restart.TRANSIENT), strategy="one_for_all")
    with stage.play(linked) as scene:
        before = scene.pid("caller")
        scene.hit("task", "raise", "crash")
        scene.eventually(lambda: scene.is_up("caller") and scene.pid("caller") != before)
    with stage.play(sup(puppet("caller"), puppet("task", restart=Restart.TEMPORARY))) as scene:
        before = scene.pid("caller")
        scene.tell("caller", "watch", scene.at("task"))
        scene.eventually(lambda: len(scene.ask("caller", "kept")) == 1)
        scene.hit("task", "raise", "crash")
        *_, notice = scene.eventually(lambda: len(kept := scene.ask("caller", "kept")) == 2 and kept)
        assert notice.incarnation is None and "RuntimeError: crash" in notice.reason.detail
        assert scene.pid("caller") == before


def test_ADM_33_a_cap_that_is_reached_refuses_and_leaves_nothing(stage: Stage) -> None:
    with stage.play(pool(max_children=2)) as scene:
        scene.add_instance("w-1")
        scene.add_instance("w-2")
        assert "2" in refused("max_children", scene.add_instance, "w-3").message
        pids = scene.pids()
        scene.stop()
        assert scene.has_ended() and all(stage.is_gone(pid or 0) for pid in pids.values())


def test_ADM_35_each_knows_its_chain_of_supervisors(stage: Stage) -> None:
    with stage.play(sup(SupervisorSpec(id="mid", children=[puppet("w")]))) as scene:
        assert scene.ask("mid/w", "path") == f"{scene.path}/mid/w"


@pytest.mark.parametrize("spec", ["not a spec", 7, {"id": "a"}, Puppet])
def test_SPEC_15_SPEC_03_a_malformed_spec_is_refused_before_anybody_is_asked(stage: Stage, spec: Any) -> None:
    for supervisor in ("stage", "no such supervisor"):
        error = refused("bad_spec", stage.tree.start_child, supervisor, spec)
        assert repr(spec) in error.message


def test_ADM_22_arguments_that_do_not_travel_are_refused_here(stage: Stage) -> None:
    with stage.play(pool()) as scene:
        refused("not_picklable", scene.add_instance, "w-1", f=lambda: None)
        refused("bad_spec", stage.tree.start_child, scene.path, args={1: 2})
        assert scene.ids() == []

"""Starting, adding, terminating, restarting, deleting, describing: what a supervisor answers."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from supervisors import ActorTree, Backoff, ChildSpec, ManagedActor, Restart, Shutdown, SupervisorError, SupervisorSpec
from supervisors.testing import Puppet, SimulatedTree
from tests.conformance.stage import Scene, Stage, pool, puppet, refused, sup


class Mute(ManagedActor):
    """Malformed: it has no receive, and its start takes other arguments."""

    def on_start(self, must: int) -> None:  # type: ignore[override]
        self.must = must


def tree_of(stage: Stage, spec: SupervisorSpec, folder: Path) -> Any:
    """A tree of its own, of the stage's kind."""
    return ActorTree.start(spec, state_dir=folder) if stage.is_real else SimulatedTree.start(spec)


def test_START_01_INTRO_12_an_empty_supervisor(stage: Stage, tmp_path: Path) -> None:
    with tree_of(stage, SupervisorSpec(id="root"), tmp_path / "state") as tree:
        assert tree.which_children("root") == []
        counts = tree.count_children("root")
        assert (counts.specs, counts.active, counts.supervisors, counts.workers) == (0, 0, 0, 0)
    assert tree.wait_until_stopped(1).kind == "shutdown"
    tree.stop()


def test_START_04_an_ignored_temporary_child_is_dropped(stage: Stage) -> None:
    with stage.play(sup(puppet("t", restart=Restart.TEMPORARY, starts=("ignore",)), puppet("a"))) as scene:
        assert scene.ids() == ["a"]


def test_START_06_a_start_that_fails_says_why_and_leaves_nothing(stage: Stage, book: str) -> None:
    bad = sup(puppet("a", book=book), puppet("bad", starts=("raise",)))
    with pytest.raises(SupervisorError) as failed, stage.play(bad):
        pass
    assert failed.value.code == "start_failed" and failed.value.child == "bad"
    assert failed.value.cause == "ValueError: cannot start" and "on_start" in failed.value.stack
    assert Path(book).read_text().split() == ["start", "a", "stop", "a"]
    assert not [info for info in stage.tree.which_children("stage") if info.state != "stopped"]


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        (puppet("bad", starts=("raise",)), "ValueError: cannot start"),
        (puppet("bad", starts=("exit",)), "no such thing"),
        (puppet("bad", starts=("die",)), "exit code 3"),
        (ChildSpec(id="bad", actor=Mute), "TypeError"),
    ],
)
def test_START_09_an_addition_that_fails_stores_nothing(stage: Stage, spec: ChildSpec, cause: str) -> None:
    with stage.play(sup(puppet("a"))) as scene:
        error = refused("start_failed", scene.add, spec)
        assert cause in error.cause and error.child == "bad" and scene.ids() == ["a"]


def test_START_17_every_kind_of_name_reaches_its_actor(stage: Stage) -> None:
    unique = f"only-one-{stage.kind}"
    with stage.play(sup(SupervisorSpec(id="mid", children=[puppet(unique)]))) as scene:
        for name in (unique, f"{scene.path}/mid/{unique}"):
            assert stage.tree.ask(name, ("reply", 1)) == 1
        assert [info.id for info in stage.tree.which_children(f"{scene.path}/mid")] == [unique]
        with stage.play(sup(puppet(unique))):
            refused("not_found", stage.tree.ask, unique, 1)


@pytest.mark.parametrize("name", [5, "", "a/b", "x" * 201, "a\nb"])
def test_START_18_a_name_of_a_wrong_kind_starts_nothing(stage: Stage, name: Any) -> None:
    with stage.play(pool()) as scene:
        error = refused("bad_spec", scene.add_instance, name)
        assert repr(name) in error.message and "printable text" in error.message and scene.ids() == []


def test_START_19_a_pool_has_a_name_and_stops_when_it_is_told_to(stage: Stage) -> None:
    with stage.play(pool(initial=1)) as scene:
        assert stage.tree.count_children(scene.name).active == 1
        scene.stop()
        assert scene.end().kind == "shutdown"


def test_START_20_the_one_who_starts_is_told_of_ignore(stage: Stage) -> None:
    with stage.play(pool(puppet("w", starts=("ignore",)))) as scene:
        info = scene.add_instance("w-1")
        assert info.pid is None and info.state == "stopped" and scene.ids() == []


def test_START_22_ADM_28_one_name_one_supervisor(stage: Stage) -> None:
    with stage.play(sup(pool())) as scene:
        error = refused("already_started", scene.add, pool())
        assert f"pid {scene.pid('sup')}" in error.message
        assert scene.add(SupervisorSpec(id="other", strategy="dynamic", children=[puppet("w")])).state == "running"
        assert scene.ids() == ["sup", "other"]
    for malformed in (None, 7, "a/b"):
        with pytest.raises(SupervisorError, match="id="):
            SupervisorSpec(id=malformed)  # type: ignore[arg-type]


# ---- by hand


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


# ---- descriptions


def test_SPEC_01_what_was_given_is_read_back_with_its_defaults(stage: Stage) -> None:
    specs = [ChildSpec(id="plain", actor=Puppet), puppet("k", shutdown="kill"), SupervisorSpec(id="s")]
    with stage.play(sup(*specs)) as scene:
        plain, killed, inner = (stage.tree.child_spec(scene.path, name) for name in ("plain", "k", "s"))
        assert (plain.restart, plain.shutdown, plain.is_supervisor) == (Restart.PERMANENT, 5.0, False)
        assert (plain.significant, plain.heartbeat_s, plain.args) == (False, None, {})
        assert killed.shutdown is Shutdown.KILL
        assert inner.is_supervisor and inner.shutdown is Shutdown.INFINITY
        refused("not_found", stage.tree.child_spec, scene.path, "nobody")


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


# ---- looking


def settled(scene: Scene, count: int) -> bool:
    counts = scene.counts()
    return counts == (1, count, 0, count) and len(scene.ids()) == count


def test_INTRO_01_list_and_count_agree(stage: Stage) -> None:
    steps = (4, 8) if stage.is_real else (100, 200)
    with stage.play(pool(puppet("w", restart=Restart.TEMPORARY))) as scene:
        for count in steps:
            while len(scene.ids()) < count:
                for _ in range(count // 2):
                    scene.add_instance()
                assert len(scene.ids()) == scene.counts()[1]
            assert settled(scene, count) and settled(scene, count)
        for info in scene.children():
            stage.kill(info.pid or 0)
        scene.eventually(lambda: settled(scene, 0))


def test_INTRO_02_instances_that_are_supervisors_are_counted_as_such(stage: Stage) -> None:
    with stage.play(pool(SupervisorSpec(id="inner", children=[puppet("x")]), initial=2)) as scene:
        assert scene.counts() == (1, 2, 2, 0)


def test_INTRO_07_nothing_of_an_ended_instance_is_kept(stage: Stage) -> None:
    with stage.play(pool(puppet("w", restart=Restart.TEMPORARY))) as scene:
        scene.add_instance("w-1")
        scene.hit("w-1")
        scene.add_instance("w-2", big=list(range(50_000)))
        scene.hit("w-2", "stop", "normal", "")
        assert scene.ids() == []
        refused("not_found", stage.tree.child_spec, scene.path, "w-2")
        assert len(repr(scene.children())) + len(repr(scene.events("w-2"))) < 5000


def cpu_s_of(simulated: Stage, count: int) -> tuple[float, float]:
    """What it takes to start and terminate so many instances one by one, and to start and stop them together."""
    began_s = time.process_time()
    with simulated.play(pool(puppet("w", restart=Restart.TEMPORARY))) as scene:
        for number in range(count):
            scene.add_instance(f"w-{number}")
        for number in range(count):
            scene.terminate(f"w-{number}")
    between_s = time.process_time()
    with simulated.play(pool(initial=count)):
        pass
    return between_s - began_s, time.process_time() - between_s


def test_INTRO_08_INTRO_09_many_instances_take_no_more_than_many_times_the_time(simulated: Stage) -> None:
    """Ten times of linear is the law for both."""
    few, many = cpu_s_of(simulated, 10), cpu_s_of(simulated, 80)
    assert all(more < 10 * 8 * less for less, more in zip(few, many, strict=True))


def test_INTRO_11_each_partition_is_listed_with_its_number(stage: Stage) -> None:
    for template in (puppet("w"), SupervisorSpec(id="w", children=[puppet("x")])):
        with stage.play(pool(template, initial=3)) as scene:
            kind = "supervisor" if template.is_supervisor else "worker"
            assert [(info.id, info.kind) for info in scene.children()] == [(f"w-{n}", kind) for n in (1, 2, 3)]
            assert scene.counts() == ((1, 3, 3, 0) if template.is_supervisor else (1, 3, 0, 3))
    refused("not_found", stage.tree.count_children, "no such supervisor")


# ---- significant children

ENDINGS: list[tuple[str, ...]] = [(), ("raise", "fails"), ("stop", "normal", ""), ("terminate",)]


def ends(scene: Scene, child: str, how: tuple[str, ...]) -> None:
    if how == ("terminate",):
        scene.terminate(child)
    else:
        scene.hit(child, *how)


@pytest.mark.parametrize("mode", ["never", "any_significant", "all_significant"])
@pytest.mark.parametrize(
    "restart", [pytest.param(Restart.TEMPORARY, id="SIG-01"), pytest.param(Restart.TRANSIENT, id="SIG-02")]
)
def test_an_ordinary_child_shuts_nobody_down(stage: Stage, restart: Restart, mode: str) -> None:
    names = ["killed", "fails", "done", "asked"]
    with stage.play(sup(*(puppet(name, restart=restart) for name in names), auto_shutdown=mode)) as scene:
        for name, how in zip(names, ENDINGS, strict=True):
            ends(scene, name, how)
        if restart is Restart.TRANSIENT:
            scene.eventually(lambda: scene.is_up("killed") and scene.is_up("fails"))
            assert [info.state for info in scene.children()] == ["running", "running", "stopped", "stopped"]
        else:
            scene.eventually(lambda: scene.ids() == [])
        assert not scene.has_ended()


def significant(name: str, restart: Restart = Restart.TEMPORARY) -> ChildSpec:
    return puppet(name, restart=restart, significant=True)


@pytest.mark.parametrize("how", ENDINGS[:3])
def test_SIG_04_the_end_of_a_significant_child_ends_all(stage: Stage, how: tuple[str, ...]) -> None:
    with stage.play(sup(significant("s"), puppet("a"), auto_shutdown="any_significant")) as scene:
        pids = scene.pids()
        scene.hit("s", *how)
        reason = scene.end()
        assert reason.kind == "shutdown" and "auto_shutdown" in reason.detail
        assert all(stage.is_gone(pid or 0) for pid in pids.values())


@pytest.mark.parametrize("how", ENDINGS[:2])
def test_SIG_06_one_that_is_restarted_has_not_ended(stage: Stage, how: tuple[str, ...]) -> None:
    with stage.play(sup(significant("s", Restart.TRANSIENT), auto_shutdown="any_significant")) as scene:
        scene.hit("s", *how)
        scene.eventually(lambda: scene.is_up("s"))
        assert not scene.has_ended()


@pytest.mark.parametrize("mode", ["any_significant", "all_significant"])
def test_SIG_07_any_at_the_first_all_at_the_last(stage: Stage, mode: str) -> None:
    children = [significant("s", Restart.TRANSIENT), significant("t", Restart.TRANSIENT)]
    with stage.play(sup(*children, auto_shutdown=mode)) as scene:
        scene.tell("s", "stop", "normal", "done")
        if mode == "all_significant":
            scene.eventually(lambda: scene.info("s").state == "stopped")
            assert not scene.has_ended()
            scene.tell("t", "stop", "normal", "done")
        assert mode in scene.end().detail


@pytest.mark.parametrize("mode", ["any_significant", "all_significant"])
def test_SIG_08_the_same_with_instances(stage: Stage, mode: str) -> None:
    with stage.play(pool(significant("w"), initial=2, auto_shutdown=mode)) as scene:
        scene.tell("w-1", "stop", "normal", "done")
        if mode == "all_significant":
            scene.eventually(lambda: scene.ids() == ["w-2"])
            scene.tell("w-2", "stop", "normal", "done")
        assert mode in scene.end().detail


class Done(ManagedActor):
    """Its work is done when it has started."""

    def on_start(self) -> None:
        self.stop("normal", "at once")


def test_SIG_04_who_is_done_at_once_ends_a_supervisor_that_had_started(stage: Stage) -> None:
    children = [Done.child_spec(restart="temporary", significant=True), puppet("a"), puppet("b")]
    spec = sup(*children, auto_shutdown="any_significant")
    with stage.play(spec) as scene:
        assert "at once" in scene.end().detail
    with SimulatedTree.start(spec) as tree:
        assert "at once" in tree.wait_until_stopped(20).detail

"""What other supervision systems promise beyond OTP of processes: never two of one child, readiness, longer and longer
waits, who hung is named, and nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from supervisors import ActorTree, Backoff, ChildSpec, ManagedActor, Restart, SupervisorSpec
from supervisors.testing import SimulatedTree
from tests.conformance.stage import Stage, pool, puppet, refused, sup


def test_BX_14_the_children_are_gone_before_the_new_instance_starts(stage: Stage, book: str) -> None:
    inner = SupervisorSpec(id="in", children=[puppet("x", book=book), puppet("y", book=book)])
    with stage.play(sup(puppet("a"), inner, strategy="one_for_all")) as scene:
        scene.hit("a")
        scene.eventually(lambda: Path(book).read_text().count("start y") == 2)
        told = Path(book).read_text().split()
        assert list(zip(told[::2], told[1::2], strict=True)) == [
            *(("start", "x"), ("start", "y"), ("stop", "y"), ("stop", "x"), ("start", "x"), ("start", "y"))
        ]


def test_BX_20_what_did_not_stop_is_named(stage: Stage) -> None:
    with stage.play(sup(*(puppet(name, stops="hang", shutdown=0.2) for name in "ab"), puppet("c"))) as scene:
        scene.stop()
        hung = [name for name in "abc" if "did not stop within 0.2 s" in scene.exits(name)[0].detail]
        assert hung == ["a", "b"]


def test_BX_21_a_child_may_refuse_to_come_back_or_end_the_whole_tree(stage: Stage) -> None:
    for mode, ends_all in (("any_significant", True), ("never", False)):
        flag = mode != "never"
        child = puppet("a", restart=Restart.TRANSIENT, significant=flag)
        with stage.play(sup(child, puppet("b"), auto_shutdown=mode)) as scene:
            scene.tell("a", "stop", "shutdown", "do not restart me")
            if ends_all:
                assert scene.end().kind == "shutdown"
            else:
                scene.eventually(lambda scene=scene: scene.info("a").state == "stopped")
                assert scene.is_up("b") and not scene.has_ended()


class Alone(ManagedActor):
    """Holds a lock for as long as its process lives: a second one at the same time would fail its start."""

    def on_start(self, lock: str) -> None:
        import fcntl

        self.file = Path(lock).open("a")  # noqa: SIM115 - held until the process ends
        fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def receive(self, message: object, sender: str | None) -> None:
        raise RuntimeError("fails fast")


def test_BX_22_there_are_never_two_at_once(stage: Stage, tmp_path: Path) -> None:
    if stage.is_real:
        child = ChildSpec(id="a", actor=Alone, args={"lock": str(tmp_path / "lock")})
        with stage.play(sup(child, max_restarts=1000)) as scene:
            for _ in range(10):
                scene.eventually(lambda: scene.is_up("a"))
                scene.hit("a", "fail")
            scene.eventually(lambda: scene.is_up("a"))
            assert {reason.detail for reason in scene.exits("a")} == {"RuntimeError: fails fast"}
        return
    with stage.play(sup(puppet("a"), max_restarts=1000)) as scene:
        for number in range(200):
            scene.eventually(lambda: scene.is_up("a"))
            scene.hit("a", *(("raise", "x") if number % 2 else ()))
            paths = [process.path for process in stage.tree._processes()]
            assert len(paths) == len(set(paths))


def test_BX_23_failing_to_start_and_failing_after_it(stage: Stage, book: str) -> None:
    """Each attempt waits longer; a restart that holds ends the loop; one that never does ends the supervisor."""
    waits = Backoff(initial_s=0.1, factor=2, max_s=10)
    with stage.play(sup(puppet("a", book=book, starts=("ok", "raise", "raise", "ok"), backoff=waits))) as scene:
        at = stage.now()
        scene.hit("a")
        assert scene.info("a").state == "restarting" and scene.counts()[1] == 0
        scene.eventually(lambda: scene.is_up("a"))
        assert scene.info("a").restarts == 3 and stage.now() > at
    with stage.play(sup(puppet("b", book=book, starts=("ok", "raise"), backoff=waits), max_restarts=3)) as scene:
        scene.hit("b")
        assert scene.end().kind == "shutdown" and Path(book).read_text().count("start b") == 4


def test_BX_24_a_jump_of_the_wall_clock_changes_nothing(simulated: Stage) -> None:
    for jump_s in (-(10**6), 10**6):
        with simulated.play(sup(puppet("a", backoff=Backoff(initial_s=2.0, factor=1)), max_restarts=2)) as scene:
            scene.hit("a")
            simulated.tree.machine.wall_offset_s += jump_s
            at = simulated.now()
            scene.eventually(lambda scene=scene: scene.is_up("a"))
            assert simulated.now() - at <= 2.5
            scene.hit("a")
            scene.eventually(lambda scene=scene: scene.is_up("a"))
            scene.hit("a")
            assert "more than 2 restarts" in scene.end().detail


def test_BX_27_who_is_not_ready_in_time_has_not_started(stage: Stage, book: str) -> None:
    limit_s = 0.3
    hangs = puppet("slow", book=book, starts=("hang",), start_timeout_s=limit_s)
    with stage.play(sup(puppet("a"))) as scene:
        at = stage.now()
        error = refused("start_failed", scene.add, hangs)
        assert "did not start within 0.3 s" in error.cause and stage.now() - at >= limit_s
        assert scene.ids() == ["a"]
        error = refused("start_failed", scene.add, SupervisorSpec(id="in", children=[hangs, puppet("late", book=book)]))
        assert error.child == "slow" and "late" not in Path(book).read_text()


def test_BX_49_a_child_killed_while_all_stops_leaves_nobody(stage: Stage, tmp_path: Path) -> None:
    for number in range(2 if stage.is_real else 50):
        spec = SupervisorSpec(id="root", children=[puppet(name, stops="ok") for name in "abc"], max_restarts=50)
        if not stage.is_real:
            with SimulatedTree.start(spec, seed=number) as simulated:
                simulated.machine.at(simulated.now() + number / 10_000, lambda tree=simulated: _kill_if_there(tree))
            assert simulated.living() == {}
            continue
        with ActorTree.start(spec, state_dir=tmp_path / f"state-{number}") as tree:
            pids = [info.pid or 0 for info in tree.which_children("root")]
            os.kill(pids[number], signal.SIGKILL)
        assert all(stage.is_gone(pid) for pid in pids)


def _kill_if_there(tree: SimulatedTree) -> None:
    if "root/b" in tree.living():
        tree.kill("b")


def test_BX_50_a_killed_supervisor_takes_all_below_along(stage: Stage) -> None:
    inner = SupervisorSpec(id="mid", children=[SupervisorSpec(id="low", children=[puppet("x")]), puppet("y")])
    with stage.play(sup(inner)) as scene:
        pids = [scene.pid(name) for name in ("mid/low", "mid/low/x", "mid/y")]
        scene.hit("mid")
        scene.eventually(lambda: all(map(stage.is_gone, pids)), 2.0)
        scene.eventually(lambda: scene.ask("mid/low/x", ("reply", 1)) == 1)


def test_BX_52_a_kill_is_noticed_within_milliseconds(real_stage: Stage) -> None:
    """The best of several, since the machine may be busy with other things."""
    with real_stage.play(sup(puppet("a"), max_restarts=100)) as scene:
        took = []
        for number in range(5):
            pid, at = scene.pid("a"), time.time()
            os.kill(pid, signal.SIGKILL)
            scene.eventually(lambda number=number: len(scene.exits("a")) == number + 1)
            scene.eventually(lambda: scene.is_up("a"))
            took.append([event.at for event in scene.events("a") if event.type == "exited"][-1] - at)
        assert min(took) < 0.05


class Parent(ManagedActor):
    """Has processes of its own, as one that runs a compiler has."""

    def on_start(self) -> list[int]:
        command = "sleep 1000 & echo $!; wait"
        self.process = subprocess.Popen(["/bin/sh", "-c", command], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        return [self.process.pid, int(self.process.stdout.readline())]

    def receive(self, message: object, sender: str | None) -> None:
        raise RuntimeError("told to")


@pytest.mark.parametrize("how", ["stop", "kill", "raise"])
def test_BX_25_what_a_child_started_ends_with_it(real_stage: Stage, how: str) -> None:
    with real_stage.play(sup(ChildSpec(id="p", actor=Parent, restart=Restart.TRANSIENT))) as scene:
        below = scene.info("p").info
        assert not any(map(real_stage.is_gone, below))
        if how == "stop":
            scene.terminate("p")
        else:
            scene.hit("p", *(("anything",) if how == "raise" else ()))
        scene.eventually(lambda: all(map(real_stage.is_gone, below)), 5.0)


def test_BX_19_instead_of_giving_up_restarts_may_be_slowed_down(stage: Stage, tmp_path: Path) -> None:
    """A pool that must not end: nobody who runs is touched while one that fails waits, and after calm it is quick."""
    waits = Backoff(initial_s=0.2, factor=2, max_s=60)
    with stage.play(pool(puppet("w", backoff=waits), max_restarts=1000)) as scene:
        scene.add_instance("well")
        scene.add_instance("ill", name="ill", book=str(tmp_path / "book"), starts=("ok", "raise", "raise", "ok"))
        before = scene.pid("well")
        scene.hit("ill")
        scene.eventually(lambda: scene.is_up("ill"))
        assert scene.pid("well") == before

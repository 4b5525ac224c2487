"""Where a case is played: a tree of puppets under a stage of real or of simulated processes, seen the same on both."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from supervisors import ActorTree, ChildInfo, ChildSpec, ExitReason, Restart, SupervisorError, SupervisorSpec
from supervisors.linux import start_ticks
from supervisors.testing import Puppet, SimulatedTree, eventually

STAGE = SupervisorSpec(id="stage", max_restarts=100_000, within_s=3600.0)
NORMALLY, ABNORMALLY = ("stop", "normal", "done"), ("raise", "told to")


def puppet(name: str, **more: Any) -> ChildSpec:
    """A child; what is no field of a spec goes to the puppet's start."""
    fields = {key: more.pop(key) for key in list(more) if key in ChildSpec.__dataclass_fields__}
    return ChildSpec(id=name, actor=Puppet, args={"name": name, **more}, **fields)


def sup(*children: Any, **more: Any) -> SupervisorSpec:
    return SupervisorSpec(id="sup", children=children, **{"max_restarts": 50, **more})


def pool(template: ChildSpec | SupervisorSpec | None = None, **more: Any) -> SupervisorSpec:
    return sup(template or puppet("w"), strategy="dynamic", **more)


def inner(name: str, *children: str, **more: object) -> SupervisorSpec:
    return SupervisorSpec(id=name, children=[puppet(each) for each in children], **more)  # type: ignore[arg-type]


class Stage:
    """A running tree whose root has room for one scene after the other."""

    def __init__(self, kind: str, tree: Any) -> None:
        self.kind = kind
        self.tree = tree
        self._numbers = itertools.count(1)

    @property
    def is_real(self) -> bool:
        return self.kind == "thespian"

    @contextmanager
    def play(self, spec: SupervisorSpec) -> Iterator[Scene]:
        """The children of ``spec`` have started, under a supervisor of their own that is temporary."""
        name = f"case-{next(self._numbers)}"
        self.tree.start_child("stage", replace(spec, id=name, restart=Restart.TEMPORARY, significant=False))
        scene = Scene(self, name)
        try:
            yield scene
        finally:
            scene.stop()

    def eventually(self, check: Callable[[], Any], within_s: float = 20.0) -> Any:
        return eventually(check, within_s, None if self.is_real else self.tree)

    def passes(self, seconds: float) -> None:
        """``seconds`` of this system's time have passed, in which nobody looks."""
        until = self.now() + seconds
        self.eventually(lambda: self.now() >= until, seconds + 60)

    def now(self) -> float:
        if not self.is_real:
            return float(self.tree.now())
        import time

        return time.monotonic()

    def kill(self, pid: int) -> None:
        if self.is_real:
            os.kill(pid, signal.SIGKILL)
        else:
            self.tree.kill(pid)

    def is_gone(self, pid: int) -> bool:
        return start_ticks(pid) is None if self.is_real else pid not in self.tree.living().values()


class Scene:
    """The supervisor of one case, and what is under it; children are named by their id, or by a path below it."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage = stage
        self.tree = stage.tree
        self.eventually = stage.eventually
        self.path = f"stage/{name}"
        self.name = name

    # ---- looking

    def at(self, child: str) -> str:
        return f"{self.path}/{child}"

    def children(self, below: str = "") -> list[ChildInfo]:
        return list(self.tree.which_children(self.at(below) if below else self.path))

    def ids(self) -> list[str]:
        return [info.id for info in self.children()]

    def info(self, child: str) -> ChildInfo:
        above, _, name = child.rpartition("/")
        return next(info for info in self.children(above) if info.id == name)

    def pids(self) -> dict[str, int | None]:
        return {info.id: info.pid for info in self.children()}

    def pid(self, child: str) -> int:
        pid = self.info(child).pid
        assert pid is not None, f"{child} has no process"
        return pid

    def counts(self) -> tuple[int, int, int, int]:
        """specs, active, supervisors, workers."""
        found = self.tree.count_children(self.path)
        return (found.specs, found.active, found.supervisors, found.workers)

    def events(self, child: str = "") -> list[Any]:
        path = self.at(child) if child else self.path
        return [event for event in self.tree.events() if event.path == path]

    def exits(self, child: str) -> list[ExitReason]:
        return [event.reason for event in self.events(child) if event.type == "exited"]

    def has_ended(self) -> bool:
        return self.name not in [info.id for info in self.tree.which_children("stage")]

    def end(self) -> ExitReason:
        """Why the scene's supervisor ended by itself; all its processes are gone."""
        self.eventually(self.has_ended)
        reasons = [event.reason for event in self.events() if event.type == "exited"]
        assert len(reasons) == 1 and reasons[0] is not None
        return reasons[0]

    # ---- doing

    def ask(self, child: str, message: Any, timeout_s: float = 5.0) -> Any:
        return self.tree.ask(self.at(child), message, timeout_s)

    def tell(self, child: str, *message: Any) -> None:
        self.tree.tell(self.at(child), message)

    def hit(self, child: str, *how: Any) -> None:
        """The process of ``child`` ends by ``how`` (default: SIGKILL), and its supervisor has noticed."""
        before = self.info(child)
        assert before.pid is not None
        if how:
            self.tell(child, *how)
        else:
            self.stage.kill(before.pid)
        self.eventually(lambda: self._noticed(child, before.pid))

    def _noticed(self, child: str, pid: int | None) -> bool:
        try:
            return self.info(child).pid != pid
        except (StopIteration, SupervisorError):
            return True

    def is_up(self, child: str) -> bool:
        return self.info(child).state == "running"

    def add(self, spec: ChildSpec | SupervisorSpec) -> ChildInfo:
        return self.tree.start_child(self.path, spec)  # type: ignore[no-any-return]

    def add_instance(self, child: str | None = None, **args: Any) -> ChildInfo:
        return self.tree.start_child(self.path, args=args, id=child)  # type: ignore[no-any-return]

    def terminate(self, child: str) -> None:
        self.tree.terminate_child(self.path, child)

    def restart(self, child: str) -> ChildInfo:
        return self.tree.restart_child(self.path, child)  # type: ignore[no-any-return]

    def delete(self, child: str) -> None:
        self.tree.delete_child(self.path, child)

    def stop(self) -> None:
        """The supervisor has been stopped in good order, if it still ran."""
        try:
            self.tree.terminate_child("stage", self.name)
        except SupervisorError as error:
            assert error.code == "not_found", error


def refused(code: str, what: Callable[..., Any], *args: Any, **named: Any) -> SupervisorError:
    """The refusal of ``what``, which has this code."""
    try:
        answer = what(*args, **named)
    except SupervisorError as error:
        assert error.code == code, error
        return error
    raise AssertionError(f"it was not refused: {answer!r}")


def open_stage(kind: str, folder: Path) -> Stage:
    """A stage that runs; its tree is to be stopped by whoever opened it. ``SIMULATION_SEED`` chooses the simulated
    world's chances, in which every case must come out the same."""
    if kind == "thespian":
        return Stage(kind, ActorTree.start(STAGE, state_dir=folder))
    return Stage(kind, SimulatedTree.start(STAGE, seed=int(os.environ.get("SIMULATION_SEED", "0"))))

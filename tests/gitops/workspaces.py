"""The port ``Workspace`` on real git and on the simulated one, with the same few words for what a test does to each."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Protocol

from git_sandbox import TARGET, Sandbox
from msgspec.structs import replace

from aidos_actors.actors.words import Delivered, GitWork
from aidos_actors.core.orders import AttemptKey, Integrate, Integration
from aidos_actors.core.target_orders import Watch
from aidos_actors.gitops.carry_out import GitHands
from aidos_actors.layout import Layout
from aidos_actors.withdrawal import Withdrawal
from tests.simulation.simulated_git import SimulatedWorkspace
from tests.simulation.simulated_repository import ENDLESS, Commit, Worktree
from tests.simulation.world import WORLD, World

GATE = "if test -e endless; then touch {began}; exec sleep 3600; fi; ! test -e red"
INSTALLATION = "5eed5eed5eed5eed"
GATE_LIMIT_S = 60.0
Act = Callable[[Withdrawal], object]


class Bench(Protocol):
    """``result`` is one that waits; ``integrate`` takes some together; ``at_gate``: what is done at an endless gate."""

    hands: Any

    def integrate(
        self, *orders: Integrate, at_gate: Act | None = None, withdrawal: Withdrawal | None = None
    ) -> dict[str, Integration]:
        works = tuple(work(order) for order in orders)
        return answers(self._while(at_gate, lambda given: self.hands.integrate(works, given), withdrawal))

    def _while(self, at_gate: Act | None, do: Callable[[Withdrawal], Any], given: Withdrawal | None = None) -> Any: ...
    def result(self, task: str, *files: str) -> Integrate: ...
    def look(self, at_gate: Act) -> object: ...
    def publish_by_others(self, *files: str) -> None: ...
    def on_target(self) -> list[str]: ...
    def commit_of(self, task: str) -> str: ...
    def left(self) -> list[str]: ...
    def close(self) -> None: ...


def unwanted(order: Integrate) -> Integrate:
    return replace(order, is_wanted=False)


def work(order: Any) -> GitWork:
    return GitWork(1, INSTALLATION, order)


def answers(delivered: Delivered) -> dict[str, Integration]:
    return {word.key.task: word.answer for word in delivered.words}


class RealBench(Bench):
    def __init__(self, folder: Path) -> None:
        self.sandbox = Sandbox(folder)
        self.began = folder / "gate-began"
        self.hands = GitHands(Layout(str(self.sandbox.state)), dict(os.environ))

    def result(self, task: str, *files: str) -> Integrate:
        attempt = self.sandbox.prepare(task)
        for name in files:
            (attempt.path / name).write_text(name)
        where = (str(self.sandbox.repo), str(attempt.path), attempt.base_commit, TARGET)
        return Integrate(attempt.key, *where, task, self._gate, self.sandbox.base)

    @property
    def _gate(self) -> str:
        return GATE.format(began=self.began)

    def look(self, at_gate: Act) -> object:
        order = Watch(AttemptKey("shop", "", 0), str(self.sandbox.repo), TARGET, self.sandbox.base, self._gate)
        return self._while(at_gate, lambda withdrawal: self.hands.carry_out(work(order), withdrawal))

    def _while(self, at_gate: Act | None, do: Callable[[Withdrawal], Any], given: Withdrawal | None = None) -> Any:
        withdrawal = given or Withdrawal()

        def wait_and_act() -> None:
            until = time.monotonic() + GATE_LIMIT_S
            while not self.began.exists() and time.monotonic() < until:
                time.sleep(0.01)
            assert at_gate is not None
            at_gate(withdrawal)

        beside = threading.Thread(target=wait_and_act)
        if at_gate is not None:
            beside.start()
        try:
            return do(withdrawal)
        finally:
            if at_gate is not None:
                beside.join()

    def publish_by_others(self, *files: str) -> None:
        for name in files:
            self.sandbox.git("checkout", "--quiet", TARGET)
            (self.sandbox.repo / name).write_text(name)
            self.sandbox.git("add", "--all")
            self.sandbox.git("commit", "--quiet", "--message=theirs")
            self.sandbox.git("checkout", "--quiet", "main")

    def on_target(self) -> list[str]:
        there = self.sandbox.git("branch", "--list", TARGET)
        return [line.removeprefix("shop ") for line in self.sandbox.line()] if there else []

    def commit_of(self, task: str) -> str:
        return self.sandbox.git("log", "--format=%H", f"--grep=Aidos-Task: {task}$", TARGET)

    def left(self) -> list[str]:
        running = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit() and self._is_ours(entry)]
        return [*map(str, (self.sandbox.state / "gates").rglob(".git")), *running]

    def _is_ours(self, process: Path) -> bool:
        try:
            return str(self.sandbox.state / "gates").encode() in (process / "environ").read_bytes()
        except OSError:
            return False

    def close(self) -> None:
        self.hands.close()


class SimulatedBench(Bench):
    def __init__(self, folder: Path) -> None:
        self.world = World(seed=1)
        WORLD.append(self.world)
        self.hands = SimulatedWorkspace(Layout(str(folder)), {}, {})
        self.repo = self.hands._repo

    def result(self, task: str, *files: str) -> Integrate:
        base = self.repo.refs.get(f"refs/heads/{TARGET}", "c0")
        path = f"/w/{task}"
        content = dict(self.repo.commits[base].tree) | dict.fromkeys(files, "x")
        self.repo.worktrees[path] = Worktree(base, content, is_marked=True)
        return Integrate(AttemptKey("shop", task, 1), "/shop", path, base, TARGET, task, "gate", "c0")

    def look(self, at_gate: Act) -> object:
        order = Watch(AttemptKey("shop", "", 0), "/shop", TARGET, "c0", "gate")
        return self._while(at_gate, lambda withdrawal: self.hands.carry_out(work(order), withdrawal))

    def _while(self, at_gate: Act | None, do: Callable[[Withdrawal], Any], given: Withdrawal | None = None) -> Any:
        withdrawal = given or Withdrawal()
        steps: Generator[float, None, Any] = do(withdrawal)
        try:
            while True:
                self.world.machine.run_for(next(steps))
                if at_gate is not None and self._gate_runs():
                    at_gate(withdrawal)
        except StopIteration as end:
            return end.value

    def _gate_runs(self) -> bool:
        return any(path.startswith("gate of ") and ENDLESS in each.files for path, each in self.repo.worktrees.items())

    def publish_by_others(self, *files: str) -> None:
        for name in files:
            ref = f"refs/heads/{TARGET}"
            head = self.repo.refs[ref]
            self.repo.refs[ref] = self.repo.write(Commit(head, (*self.repo.commits[head].tree, (name, "x"))))

    def on_target(self) -> list[str]:
        keys = [self.repo.commits[name].key for name in self.repo.line(f"refs/heads/{TARGET}")]
        return [key.task for key in keys if key is not None]

    def commit_of(self, task: str) -> str:
        line = self.repo.line(f"refs/heads/{TARGET}")
        keys = ((name, self.repo.commits[name].key) for name in line)
        return next((name for name, key in keys if key is not None and key.task == task), "")

    def left(self) -> list[str]:
        return [path for path in self.repo.worktrees if path.startswith("gate of ")] + self.world.quarantine

    def close(self) -> None:
        WORLD.pop()

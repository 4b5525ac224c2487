"""A tiny stand-in for the runtime: real processes under a real ``run``, a journal of day files, a tree that answers.

``run FILE``, ``tree`` and ``status ID``, as the real command line has them. What dies is started again; ``run`` itself
goes on where a killed one stopped. FAKE_FAULT in the environment makes it break a law.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from supervisors.linux import die_with_parent

SYSTEM = ("guardian", "admin", "logger", "launcher")
PLACES = (*SYSTEM, "root", "scheduler", "worker-1")
STEP_S = 0.15
TICK_S = 0.005


class Fake:
    def __init__(self, state: Path, requirement: str, tasks: list[str]) -> None:
        self.state, self.requirement, self.tasks = state, requirement, tasks
        self.fault = os.environ.get("FAKE_FAULT", "")
        self.journal = state / "journal" / "2026-11-24.jsonl"
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        self.events = [json.loads(line) for line in self.journal.read_text().splitlines()] if self.has_begun else []
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def has_begun(self) -> bool:
        return self.journal.exists()

    def note(self, kind: str, task: str | None = None, attempt: int | None = None, **data: Any) -> None:
        about = {"requirement": self.requirement, "task": task, "attempt": attempt}
        event = {"seq": len(self.events) + 1, "at": time.time(), "type": kind, **about, "epoch": 1, "data": data}
        self.events.append(event)
        with self.journal.open("a") as file:
            file.write(json.dumps(event) + "\n")

    def has(self, kind: str, task: str | None = None, attempt: int | None = None) -> bool:
        wanted = (self.requirement, kind, task, attempt)
        return any((e["requirement"], e["type"], e["task"], e["attempt"]) == wanted for e in self.events)

    def tend(self, duration_s: float) -> set[str]:
        """Starts again what has died, for so long; what that was."""
        until, died = time.monotonic() + duration_s, set()
        while True:
            gone = {name for name in PLACES if name not in self.children or self.children[name].poll() is not None}
            for name in gone:
                self.children[name] = subprocess.Popen(["sleep", "600"], preexec_fn=die_with_parent)  # noqa: PLW1509 - one thread
            if gone:
                draft = self.state / "tree.draft"
                draft.write_text(json.dumps(self.tree()))
                draft.replace(self.state / "tree.json")
            died |= gone
            if time.monotonic() >= until:
                return died
            time.sleep(TICK_S)

    def tree(self) -> dict[str, Any]:
        pids = {name: child.pid for name, child in self.children.items()}

        def node(name: str, kind: str, *children: dict[str, Any]) -> dict[str, Any]:
            return {"id": name, "kind": kind, "state": "running", "pid": pids.get(name, 0), "children": children}

        scheduling = {**node("scheduling", "supervisor", node("scheduler", "worker")), "pid": None}
        workers = {**node("workers", "supervisor", node("worker-1", "worker")), "pid": None}
        return {**node("root", "supervisor", scheduling, workers), **{f"{name}_pid": pids[name] for name in SYSTEM}}

    def work(self) -> None:
        self.tend(0)
        if not self.has("requirement_submitted"):
            self.note("requirement_submitted")
            self.note("analysis_started")
        hold = Path(os.environ["AIDOS_TEST_HOLD_ANALYSIS"])
        while hold.exists():
            self.tend(TICK_S)
        if not self.has("plan_recorded"):
            self.note("plan_recorded")
        for task in self.tasks:
            self.carry_out(task)
        if not self.has("requirement_done"):
            self.note("requirement_done")
        if self.fault == "orphan":
            subprocess.Popen(["sleep", "600"], env={**os.environ, "AIDOS_WORKTREE": f"{self.state}/worktrees/x"})
        self.tend(STEP_S)

    def carry_out(self, task: str) -> None:
        attempt = 1
        while self.has("attempt_leased", task, attempt):
            if self.has("task_done", task, attempt):
                return
            if not self.has("attempt_lost", task, attempt):
                self.note("attempt_lost", task, attempt, reason="run died")
            attempt += 1
        while True:
            self.note("attempt_leased", task, attempt, worker="root/workers/worker-1")
            died = self.tend(STEP_S)
            self.note("attempt_started", task, attempt, minder_pid=1)
            died |= self.tend(600 if self.fault == "hang" else STEP_S)
            if "worker-1" not in died:
                break
            self.note("attempt_lost", task, attempt, reason="the worker is gone")
            attempt += 1
        self.note("attempt_ended", task, attempt, fault="none")
        for _ in range(2 if self.fault == "twice" else 1):
            self.note("task_done", task, attempt, commit=None)


def main(verb: str, *words: str) -> int:
    state = Path(words[words.index("--state") + 1])
    if verb == "tree":
        print(json.dumps({"schema_version": 1, "ok": True, "data": json.loads((state / "tree.json").read_text())}))
    elif verb == "status":
        lines = (state / "journal" / "2026-11-24.jsonl").read_text().splitlines()
        own = [event for event in map(json.loads, lines) if event["requirement"] == words[0]]
        done = dict.fromkeys(event["task"] for event in own if event["type"] == "task_done")
        is_done = any(event["type"] == "requirement_done" for event in own)
        tasks = [{"id": name, "state": "done", "error": None} for name in done]
        print(json.dumps({"ok": True, "data": {"state": "done" if is_done else "running", "tasks": tasks}}))
    elif os.environ.get("FAKE_FAULT") == "refuse":
        print("error: this file is not to my taste")
        return 3
    else:
        text = Path(words[0]).read_text()
        (name,) = re.findall(r"^id: (\S+)$", text, re.MULTILINE)
        Fake(state, name, re.findall(r"^  (\w+): \{", text, re.MULTILINE)).work()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

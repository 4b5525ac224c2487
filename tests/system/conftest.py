"""What whole-system tests share: a real repository, the real command line, and a look at the tree from outside."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aidos_actors.cli.app import run_command_line

PATIENCE_S = 60.0
LOOKING = {"status", "tasks", "explain", "output", "tree", "db", "config"}


def eventually(check: Callable[[], Any], within_s: float = PATIENCE_S, every_s: float = 0.05) -> Any:
    """What ``check`` returns once it is true."""
    until = time.monotonic() + within_s
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < until, f"not true within {within_s} s: {check}"
        time.sleep(every_s)


class Place:
    """A folder with a repository and a state directory, and the command line that works on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = folder / "shop"
        self.state = folder / "state"
        self.started: list[subprocess.Popen[str]] = []
        self.repo.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.email", "someone@localhost")
        self.git("config", "user.name", "Someone")
        (self.repo / "a.txt").write_text("a\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Begin")

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.repo, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def requirement(self, tasks: dict[str, Any], name: str = "work", **keys: Any) -> Path:
        """A file with this requirement; JSON is YAML."""
        file = self.folder / f"{name}.yaml"
        file.write_text(json.dumps({"id": name, "repo": "./shop", "tasks": tasks, **keys}))
        return file

    def environment(self) -> dict[str, str]:
        return {**os.environ, "AIDOS_STATE_DIR": str(self.state)}

    def aidos(self, *words: str, timeout_s: float = 120.0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "aidos_actors", *words]
        return subprocess.run(
            argv, cwd=cwd or self.folder, env=self.environment(), capture_output=True, text=True, timeout=timeout_s
        )

    def here(self, *words: str) -> subprocess.CompletedProcess[str]:
        """As ``aidos``, by the same entry, in this process, which has imported everything: for verbs that look or are
        refused, where the process is not what is tested. Only from the main thread."""
        out, err = io.StringIO(), io.StringIO()
        argv = [*words, "--state", str(self.state)]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run_command_line(argv)
        return subprocess.CompletedProcess(argv, code, out.getvalue(), err.getvalue())

    def is_up(self) -> bool:
        """Whether the tree of a running system can be seen."""
        return self.here("tree").returncode == 0

    def data(self, *words: str) -> dict[str, Any]:
        """The data of a verb's JSON envelope; the verb must succeed."""
        done = (self.here if words[0] in LOOKING else self.aidos)(*words, "--json")
        found = json.loads(done.stdout)
        assert found["ok"], found
        return dict(found["data"])

    def begin(self, *words: str, **env: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "aidos_actors", *words]
        log = (self.folder / f"run-{len(self.started)}.log").open("w")
        with log:
            process = subprocess.Popen(
                argv, cwd=self.folder, env={**self.environment(), **env}, stdout=log, stderr=log, text=True
            )
        self.started.append(process)
        return process

    def said(self) -> str:
        return "\n".join(file.read_text() for file in sorted(self.folder.glob("run-*.log")))

    def journal(self) -> list[dict[str, Any]]:
        """The events so far, from the day files: no process is needed to read them."""
        events = []
        for file in sorted((self.state / "journal").glob("????-??-??.jsonl")):
            for line in file.read_text().splitlines():
                with contextlib.suppress(ValueError):
                    events.append(json.loads(line))
        return events

    def event(self, kind: str, task: str | None = None, after_seq: int = 0) -> dict[str, Any] | None:
        found = [e for e in self.journal() if e["type"] == kind and e["seq"] > after_seq and task in (None, e["task"])]
        return found[0] if found else None

    def tree(self) -> dict[str, Any]:
        return self.data("tree")

    def pids(self) -> dict[str, int]:
        """Every process of the running system by path, and by role for guardian, launcher, admin and logger."""
        found: dict[str, int] = {}

        def walk(node: dict[str, Any], path: str) -> None:
            found[path] = node["pid"]
            for child in node["children"]:
                walk(child, f"{path}/{child['id']}")

        root = self.tree()
        walk(root, "root")
        return found | {role: root[f"{role}_pid"] for role in ("guardian", "launcher", "admin", "logger")}

    def kill(self, *pids: int) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def marked(self) -> list[int]:
        """Living processes that belong to this place: their environment or command line names its folder."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                about = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if str(self.folder).encode() in about and state not in "ZX":
                found.append(int(entry.name))
        return found

    def assert_clean(self) -> None:
        """Nothing lives, the repository holds no worktree, lock or fault of ours, and no folder of a task is left."""
        eventually(lambda: not self.marked(), 10.0)
        assert not [*(self.state / "worktrees").glob("*"), *(self.state / "gates").glob("*")]
        assert self.git("worktree", "list").count("\n") == 0
        assert not list((self.repo / ".git").rglob("*.lock"))
        fsck = subprocess.run(["git", "fsck", "--no-dangling"], cwd=self.repo, capture_output=True, text=True)
        assert fsck.returncode == 0, fsck.stderr

    def assert_laws(self, name: str, changing: set[str]) -> None:
        """One commit per changing task, accepted once, on a linear target; the journal without gaps, and
        folded it gives the tables."""
        target = f"aidos/{name}"
        parents = self.git("log", "--format=%P", f"main..{target}").splitlines()
        assert all(len(line.split()) == 1 for line in parents)
        tasks = self.git("log", "--format=%(trailers:key=Aidos-Task,valueonly,separator=)", f"main..{target}")
        assert sorted(tasks.split()) == sorted(changing)
        journal = self.journal()
        assert [event["seq"] for event in journal] == list(range(1, len(journal) + 1))
        done = [event["task"] for event in journal if event["type"] == "task_done" and event["requirement"] == name]
        assert len(done) == len(set(done))
        confirmed = {event["task"]: event["seq"] for event in journal if event["type"] == "task_done"}
        late = [e for e in journal if e["type"] == "attempt_started" and e["seq"] > confirmed.get(e["task"], 1 << 60)]
        assert not late
        assert self.data("db", "check")["sound"]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    end_all(made)


def end_all(made: Place) -> None:
    """Nothing that belongs to the place lives any more."""
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.wait()
    eventually(lambda: not made.marked(), 20.0)

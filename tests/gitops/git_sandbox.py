"""A real repository, a state folder beside it, and one line for each thing the tests do or want to know."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from one_result import integrate

from aidos_actors.core.orders import AttemptKey
from aidos_actors.gitops.git import Completed, Run, run_here
from aidos_actors.gitops.worktrees import discard, prepare
from supervisors.linux import become_subreaper
from supervisors.orphans import end_orphans

TARGET = "aidos/shop"


@dataclass(frozen=True)
class Attempt:
    key: AttemptKey
    path: Path
    base_commit: str


class Sandbox:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.repo = root / "shop"
        self.state = root / "state"
        self.state.mkdir()
        self.repo.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@example.org")
        (self.repo / "README").write_text("one\ntwo\nthree\n")
        (self.repo / ".gitignore").write_text("*.tmp\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=first")
        self.base = self.git("rev-parse", "HEAD")

    def git(self, *args: str, cwd: Path | None = None, codes: Sequence[int] = (0,)) -> str:
        done = subprocess.run(["git", *args], cwd=cwd or self.repo, capture_output=True, timeout=60)
        assert done.returncode in codes, (args, done.returncode, done.stderr)
        return os.fsdecode(done.stdout).strip()

    def path_of(self, task: str, number: int = 1) -> Path:
        return self.state / "worktrees" / f"{task}-{number}"

    def prepare(self, task: str = "index", number: int = 1, **more: Any) -> Attempt:
        key, path = AttemptKey("shop", task, number), self.path_of(task, number)
        words = {"target": TARGET, "base_commit": self.base, "run": run_here, **more}
        commit = prepare(str(self.repo), path=str(path), key=key, **words)
        return Attempt(key, path, commit)

    def integrate(self, attempt: Attempt, **more: Any) -> Any:
        words: dict[str, Any] = {
            "worktree": str(attempt.path),
            "base_commit": attempt.base_commit,
            "target_base": self.base,
            "target": TARGET,
            "key": attempt.key,
            "title": f"Do {attempt.key.task}",
            "gate_folder": str(self.state / "gates" / f"{attempt.key.task}-{attempt.key.number}"),
        }
        return integrate(str(self.repo), **{**words, **more})

    def discard(self, attempt: Attempt, run: Run = run_here) -> None:
        discard(str(self.repo), path=str(attempt.path), run=run)

    def do(self, task: str, files: Mapping[str, str], **more: Any) -> Any:
        """A whole attempt: prepare, write ``files``, integrate, discard."""
        attempt = self.prepare(task)
        for name, text in files.items():
            (attempt.path / name).write_text(text)
        outcome = self.integrate(attempt, **more)
        self.discard(attempt)
        return outcome

    def show(self, name: str, commit: str = TARGET) -> str:
        return self.git("show", f"{commit}:{name}")

    def names(self, commit: str = TARGET) -> list[str]:
        return [name for name in self.git("ls-tree", "-r", "-z", "--name-only", commit).split("\0") if name]

    def line(self, target: str = TARGET) -> list[str]:
        """The tasks on the target, newest first; fails unless its history after the base is one straight line."""
        marks = "%(trailers:key=Aidos-Requirement,valueonly,separator=) %(trailers:key=Aidos-Task,valueonly,separator=)"
        lines = self.git("log", f"--format=%P|{marks}", f"{self.base}..{target}").splitlines()
        assert all(" " not in line.partition("|")[0] for line in lines), lines
        return [line.partition("|")[2].strip() for line in lines]

    def fingerprint(self) -> tuple[str, ...]:
        """The user's own checkout: HEAD, branch, index and files."""
        return (
            self.git("rev-parse", "HEAD"),
            self.git("symbolic-ref", "HEAD"),
            self.git("ls-files", "--stage", "--debug"),
            self.git("status", "--porcelain", "--ignored"),
            self.git("for-each-ref", "refs/heads/main", "refs/tags"),
        )

    def assert_nothing_left(self) -> None:
        git_dir = self.repo / ".git"
        assert self.git("worktree", "list", "--porcelain").count("worktree ") == 1
        assert not list((git_dir / "worktrees").glob("*"))
        assert not list(git_dir.rglob("*.lock"))
        left = [str(path) for path in self.state.rglob("*") if not path.is_dir() or path.parent.parent == self.state]
        assert not left
        assert self.git("fsck", "--no-dangling", "--no-progress") == ""


class Dying:
    """A runner whose process ends, as by kill -9, before its command number ``last`` + 1; ``git_dies`` takes that
    very git with it in the middle of its work."""

    def __init__(self, last: int, *, git_dies_after_s: float | None = None) -> None:
        self.left = last
        self.git_dies_after_s = git_dies_after_s

    def __call__(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        input: bytes = b"",  # noqa: A002
        timeout_s: float = 60.0,
    ) -> Completed:
        if self.left == 0:
            if self.git_dies_after_s is not None:
                run_here(argv, cwd=cwd, env=env, input=input, timeout_s=self.git_dies_after_s)
            os._exit(17)
        self.left -= 1
        return run_here(argv, cwd=cwd, env=env, input=input, timeout_s=timeout_s)


def in_child(work: Callable[[], object]) -> int:
    """The exit code of a forked child that does ``work`` and ends without any clean-up: 0 done, 17 killed, 1 raised.
    What it ran dies with it, as what GitOps runs does, in whatever session, and is gone when this returns."""
    keeper = os.fork()
    if keeper:
        return os.waitstatus_to_exitcode(os.waitpid(keeper, 0)[1])
    try:
        become_subreaper()
        code = _child_of_keeper(work)
        while end_orphans(()):
            pass
        os._exit(code)
    finally:
        os._exit(1)


def _child_of_keeper(work: Callable[[], object]) -> int:
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        work()
        os._exit(0)
    except BaseException as error:
        os.write(2, f"{error!r}\n".encode())
    finally:
        os._exit(1)

"""Git as this house calls it: by argv, through one injected runner, with the settings every call needs.

Synchronous; may be used from any one thread at a time. Nothing here reads or writes a user's checkout.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from aidos_actors.core.errors import AidosError
from aidos_actors.gitops.surroundings import SETTINGS, environment
from supervisors.linux import sync_folder

GIT_TIMEOUT_S = 120.0
HEAVY_TIMEOUT_S = 1800.0  # for what reads or writes a whole tree
NOT_STARTED = 127
OBJECT_ID = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


class Completed(Struct, frozen=True):
    """A command that ended. ``exit_code`` is negative when a signal ended it, ``NOT_STARTED`` when it could not be."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class Run(Protocol):
    """Runs a command to its end; whatever it started is gone when the call returns. Never raises for its failure."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        input: bytes = b"",  # noqa: A002  the word of subprocess
        timeout_s: float = GIT_TIMEOUT_S,
    ) -> Completed: ...


def run_here(
    argv: Sequence[str],
    *,
    cwd: str,
    env: Mapping[str, str],
    input: bytes = b"",  # noqa: A002  the word of subprocess
    timeout_s: float = GIT_TIMEOUT_S,
) -> Completed:
    """``Run`` by a plain child process in a session of its own, ended with its group after ``timeout_s``."""
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            argv, cwd=cwd, env=dict(env), stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
    except OSError as error:
        return Completed(NOT_STARTED, b"", str(error).encode())
    with process:
        try:
            stdout, stderr = process.communicate(input, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            return Completed(-signal.SIGKILL, stdout, stderr + f"\nended after {timeout_s:g} s".encode())
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return Completed(process.returncode, stdout, stderr)


class GitFailed(AidosError):
    """A git command failed for a reason that is nobody's decision: the disk, a lock, a damaged repository."""

    code = "git_failed"

    def __init__(self, argv: Sequence[str], exit_code: int, stderr: str) -> None:
        last_words = " ".join(stderr.split())[-600:] or "it said nothing"
        super().__init__(  # the reason first: whoever has little room cuts off the rest
            f"{last_words} (git {' '.join(argv)[:200]} ended with {exit_code})",
            hint="Look at `git fsck`, free disk space and permissions; the call may be repeated.",
        )
        self.argv = tuple(argv)
        self.git_exit_code = exit_code
        self.stderr = stderr

    @property
    def is_lock_held(self) -> bool:
        """Whether somebody's lock file stood in the way (it may be alive, or left by a killed git)."""
        return "File exists" in self.stderr and (".lock'" in self.stderr or "packed-refs.new" in self.stderr)


class Git:
    """A repository, addressed by its common folder, so that no call depends on the state of a work tree.

    Ownership (``safe.directory``) is checked by git once, when the folder is looked up; a repository git refuses is
    refused here too.
    """

    def __init__(self, repo: str, run: Run = run_here) -> None:
        self.repo = repo
        self.run = run
        self._env = environment()
        self._trees: dict[str, str] = {}

    @cached_property
    def common_dir(self) -> str:
        """The folder that holds objects and refs, absolute. Raises ``GitFailed`` when ``repo`` is no repository."""
        return (
            self.look("rev-parse", "--path-format=absolute", "--git-common-dir")
            .stdout.decode(errors="surrogateescape")
            .removesuffix("\n")
        )

    def look(self, *args: str, allowed: Sequence[int] = (0,)) -> Completed:
        """Runs git in ``repo`` itself, letting git find the repository; for questions about that very place."""
        return self._complete((), args, self.repo, b"", {}, allowed, GIT_TIMEOUT_S)

    def call(
        self,
        *args: str,
        data: bytes = b"",
        work_tree: str | None = None,
        env: Mapping[str, str] | None = None,
        allowed: Sequence[int] = (0,),
        timeout_s: float = GIT_TIMEOUT_S,
    ) -> Completed:
        """Runs git on the repository, with ``work_tree`` as work tree. An exit code not ``allowed``: ``GitFailed``."""
        place = [f"--git-dir={self.common_dir}"]
        if work_tree is not None:
            place.append(f"--work-tree={work_tree}")
        return self._complete(place, args, work_tree or self.common_dir, data, env or {}, allowed, timeout_s)

    def reach(self, *args: str, env: Mapping[str, str], timeout_s: float) -> Completed:
        """Runs git where a user would, for what speaks to a remote: its address may be relative to that place."""
        place = [f"--git-dir={self.common_dir}"]
        return self._complete(place, args, self.repo, b"", env, (0,), timeout_s)

    def text(self, *args: str, data: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """What git printed, stripped."""
        return self.call(*args, data=data, env=env).stdout.decode(errors="surrogateescape").strip()

    def object_of(self, name: str) -> str | None:
        """The object id that ``name`` means, None when it means nothing."""
        answer = self.call("rev-parse", "--verify", "--quiet", "--end-of-options", name, allowed=(0, 1))
        return answer.stdout.decode().strip() if answer.exit_code == 0 else None

    def commit_of(self, name: str) -> str | None:
        """The commit that ``name`` means, None when there is none."""
        return self.object_of(f"{name}^{{commit}}")

    def tree_of(self, commit: str) -> str:
        """The tree of a commit, asked once: a commit that is named by its id never gets another one."""
        tree = self._trees.get(commit) or self.text("rev-parse", "--verify", f"{commit}^{{tree}}")
        if OBJECT_ID.fullmatch(commit):
            self._trees[commit] = tree
        return tree

    @cached_property
    def identity(self) -> dict[str, str]:
        """Variables with git's configured identity, as it was first asked for; where it is not complete, our own.
        Never one that git guesses from the machine."""
        names = "^(user|author|committer)\\.(name|email)$"
        found = self.call("config", "-z", "--get-regexp", names, allowed=(0, 1)).stdout.decode(errors="surrogateescape")
        said = dict(entry.partition("\n")[::2] for entry in found.split("\0") if entry)
        identity: dict[str, str] = {}
        for role in ("author", "committer"):
            name, email = (said.get(f"{role}.{part}") or said.get(f"user.{part}") for part in ("name", "email"))
            if not (name and name.strip() and email and email.strip()):
                name, email = OWN_IDENTITY["GIT_AUTHOR_NAME"], OWN_IDENTITY["GIT_AUTHOR_EMAIL"]
            identity |= {f"GIT_{role.upper()}_NAME": name, f"GIT_{role.upper()}_EMAIL": email}
        return identity

    def transact(self, lines: Sequence[str], reason: str) -> None:
        """Carries out ref commands (``update``, ``create``, ``verify``) all or none; the reflog says ``reason``.

        Symbolic refs are not followed. At most one of them may move a ref: several end in separate renames.
        """
        script = "".join(f"{line}\n" for line in ("start", *lines, "prepare", "commit"))
        self.call("update-ref", "--no-deref", "-m", reason, "--stdin", data=script.encode(), env=OWN_IDENTITY)

    def sync_ref(self, ref: str) -> None:
        """``ref`` survives a power loss afterwards: git syncs the file but not the folders that name it."""
        root = Path(self.common_dir)
        for folder in (root / ref).parents:
            if folder.is_dir():
                sync_folder(folder)
            if folder == root:
                return

    def _complete(
        self,
        place: Sequence[str],
        args: Sequence[str],
        cwd: str,
        data: bytes,
        env: Mapping[str, str],
        allowed: Sequence[int],
        timeout_s: float,
    ) -> Completed:
        settings = [part for setting in SETTINGS for part in ("-c", setting)]
        argv = ["git", *settings, *place, *args]
        done = self.run(argv, cwd=cwd, env={**self._env, **env}, input=data, timeout_s=timeout_s)
        if done.exit_code not in allowed:
            raise GitFailed(args, done.exit_code, done.stderr.decode(errors="replace"))
        return done


OWN_IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "AIDOS"), ("EMAIL", "aidos@localhost"))
}

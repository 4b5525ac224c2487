"""Git's plumbing run as a plain child of GitOps, which the kernel ends with it; everything else under minders.

A minder costs several times what a plumbing command itself does, and guards against what such a command never does: to
leave processes behind, or to run long. So those that only read, or write objects and one ref, are children with a
parent-death signal (``setpriv``, of util-linux); where that is missing they are minded like the others. One that
outlives its parent by an instant is harmless: it moves a ref only under ``verify`` of the epoch, and by comparison.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence

from aidos_actors.gitops.git import GIT_TIMEOUT_S, NOT_STARTED, Completed, Run

# Nothing here runs hooks or transports; what would run a command of the user's is minded where one is configured.
RUNS_A_COMMAND = {
    "merge-tree": r"^merge\..*\.driver$",
    "add": r"^filter\..*\.(clean|process)$",
    "worktree": r"^filter\..*\.(smudge|process)$",
}
PLUMBING = frozenset(
    {
        "cat-file", "check-ref-format", "commit-tree", "config", "diff-tree", "for-each-ref", "hash-object", "log",
        "ls-files", "merge-base", "merge-tree", "read-tree", "rev-list", "rev-parse", "symbolic-ref", "update-ref",
        "version", "write-tree", "add", "worktree",
    }
)  # fmt: skip
TAKES_A_WORD = frozenset({"-c", "-C", "--git-dir", "--work-tree"})


class QuickRun:
    """The port ``Run``. From job threads."""

    def __init__(self, minded: Run) -> None:
        self._minded = minded
        self._setpriv = _setpriv()
        self._commands: dict[tuple[str, str], bool] = {}

    def __call__(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        input: bytes = b"",  # noqa: A002 - the word of subprocess
        timeout_s: float = GIT_TIMEOUT_S,
    ) -> Completed:
        verb = verb_of(argv)
        if self._setpriv is None or verb not in PLUMBING or self._runs_a_command(verb, argv, env):
            return self._minded(argv, cwd=cwd, env=env, input=input, timeout_s=timeout_s)
        whole = [self._setpriv, "--pdeathsig", "KILL", *argv]
        try:
            done = subprocess.run(
                whole, cwd=cwd, env=dict(env), input=input, capture_output=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired as slow:
            said = (slow.stderr or b"") + f"\nended after {timeout_s:g} s".encode()
            return Completed(-signal.SIGKILL, slow.stdout or b"", said)
        except OSError as error:
            return Completed(NOT_STARTED, b"", str(error).encode())
        return Completed(done.returncode, done.stdout, done.stderr)

    def _runs_a_command(self, verb: str, argv: Sequence[str], env: Mapping[str, str]) -> bool:
        """Whether a command of the user's is configured that this verb may run: a filter, a merge driver."""
        if verb not in RUNS_A_COMMAND:
            return False
        place = next((word for word in argv if word.startswith("--git-dir=")), "")
        known = self._commands.get((place, verb))
        if known is None:
            asked = ["git", place, "config", "--get-regexp", RUNS_A_COMMAND[verb]]
            known = self._commands[place, verb] = self(asked, cwd="/", env=env).exit_code != 1
        return known


def verb_of(argv: Sequence[str]) -> str:
    """Git's own command in ``argv``; empty when there is none."""
    words = iter(argv[1:])
    for word in words:
        if word in TAKES_A_WORD:
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""


def _setpriv() -> str | None:
    """The program that has the kernel end a child with its parent, if it works here."""
    found = shutil.which("setpriv")
    if found is None:
        return None
    probe = [found, "--pdeathsig", "KILL", "true"]
    try:
        is_fit = subprocess.run(probe, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found if is_fit else None

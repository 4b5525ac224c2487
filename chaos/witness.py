"""Gathers the evidence: asks git, reads what tasks wrote, looks for processes that should be gone. Judges nothing."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from aidos_actors.gitops.repair import LOCK_AGE_MIN_S, repair_locks
from chaos.facts import Commit, GitFacts
from chaos.faults.processes import Process, process_of

GIT_TIMEOUT_S = 120.0
GONE_WITHIN_S = 1.0
LOOK_EVERY_S = 0.02
MARKS = ("AIDOS_STATE_DIR", "AIDOS_WORKTREE", "AIDOS_CHECKPOINT_DIR", "AIDOS_MARK")
TRAILERS = ("Aidos-Requirement", "Aidos-Task", "Aidos-Attempt", "Aidos-Reverted-Commit")
_TRAILER = "%(trailers:key={},valueonly,separator=%x2C)"


class GitSilent(Exception):
    """Git could not be asked."""


def git(repo: str, *args: str, allowed: tuple[int, ...] = (0,)) -> str:
    """What git printed, stripped. Raises ``GitSilent``."""
    env = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    done = subprocess.run(["git", *args], cwd=repo, env=env, capture_output=True, timeout=GIT_TIMEOUT_S)
    if done.returncode not in allowed:
        raise GitSilent(f"git {args[0]} in {repo} ended with {done.returncode}: {os.fsdecode(done.stderr).strip()}")
    return os.fsdecode(done.stdout).strip()


def commit_of(repo: str, name: str) -> str:
    return git(repo, "rev-parse", "--verify", f"{name}^{{commit}}")


def worktrees_of(repo: str) -> list[str]:
    lines = git(repo, "worktree", "list", "--porcelain").splitlines()
    return [line.partition(" ")[2] for line in lines if line.startswith("worktree ")]


def git_facts(repo: str, target: str, base: str, known_worktrees: Iterable[str]) -> GitFacts:
    """The repository as it is now, but for locks that the next start would set aside: they are. A target that does not
    exist has no commits."""
    repair_locks(repo, target, now=time.time() + LOCK_AGE_MIN_S)  # by then they are old enough
    common = Path(git(repo, "rev-parse", "--path-format=absolute", "--git-common-dir"))
    fsck = git(repo, "fsck", "--no-dangling", "--no-progress", allowed=tuple(range(256)))
    known = set(known_worktrees)
    return GitFacts(
        base=base,
        commits=tuple(_commits(repo, target, base)),
        worktrees=tuple(path for path in worktrees_of(repo) if path not in known),
        locks=tuple(sorted(str(path) for path in common.rglob("*.lock"))),
        fsck=fsck,
    )


def _commits(repo: str, target: str, base: str) -> list[Commit]:
    ref = f"refs/heads/{target}"
    if not git(repo, "for-each-ref", "--format=%(refname)", ref):
        return []
    layout = "%x09".join(("%H", "%P", *(_TRAILER.format(name) for name in TRAILERS)))
    lines = git(repo, "log", "--reverse", "--topo-order", f"--format={layout}", ref, f"^{base}", "--").split("\n")
    found = [line.split("\t") for line in lines if line]
    return [Commit(fields[0], tuple(fields[1].split()), *fields[2:6]) for fields in found]


def orphans_of(state_dir: Path, known: Iterable[Process], spared: Iterable[Process]) -> list[str]:
    """A sentence for each living process that belongs to ``state_dir``: one of ``known``, or one that carries its mark
    or works inside it. ``spared``: those that were there before. Waits up to a second for them to go."""
    give_up_at = time.monotonic() + GONE_WITHIN_S
    known, ours = list(known), {*spared, *_lineage()}
    while True:
        living = {each: "it was part of the run" for each in known if each.is_alive}
        living |= {each: why for each, why in _marked(str(state_dir)).items() if each not in ours}
        if not living or time.monotonic() > give_up_at:
            return [
                f"process {each.pid} lives after the end: {why} ({_title(each.pid)})" for each, why in living.items()
            ]
        time.sleep(LOOK_EVERY_S)


def marked_processes(state_dir: Path) -> list[Process]:
    """The living processes that belong to ``state_dir`` by environment or working folder."""
    return list(_marked(str(state_dir)))


def _marked(state: str) -> dict[Process, str]:
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - hundreds of names, looked at again and again
        if name.isdecimal() and (process := process_of(int(name))) is not None:
            why = _mark_of(process.pid, state)
            if why:
                found[process] = why
    return found


def _mark_of(pid: int, state: str) -> str:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        folder = str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return ""
    for entry in environment:
        key, _, value = os.fsdecode(entry).partition("=")
        if key in MARKS and _is_inside(value, state):
            return f"its environment says {key}={value}"
    return f"it works in {folder}" if _is_inside(folder, state) else ""


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith((f"{folder}/", f"{folder}:"))


def _lineage() -> list[Process]:
    """This process and its ancestors, which may carry the mark because a person exported it."""
    found, pid = [], os.getpid()
    while pid > 1 and (process := process_of(pid)) is not None:
        found.append(process)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return found


def _title(pid: int) -> str:
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")).strip()[:100] or "no title"
    except OSError:
        return "gone by now"

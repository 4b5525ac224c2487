"""The filters of a repository (as Git LFS), through which its files go in and out: are they here, did they refuse.

What git says when a file does not pass is about that file, not about the machine: it is answered like any other result
that cannot be stored. A filter that is configured and used, whose program is missing, is said before anything starts.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from aidos_actors.core.errors import BadInput
from aidos_actors.gitops.git import Git, GitFailed

REFUSALS = (
    "clean filter '",
    "smudge filter ",
    "hung up unexpectedly",  # a filter process that could not be started
    "failed to encode",
    "BOM is required",
    "BOM is prohibited",
)
REMOTE_AWAY = ("promisor remote", "Could not read from remote")  # what a partial clone lacks; it hangs up as well
KEYS = re.compile(r"filter\.(?P<name>.+)\.(?P<key>clean|smudge|process|required)")


def is_refusal(failed: GitFailed) -> bool:
    """Whether git failed because a filter, or an encoding the attributes ask for, did not take the content."""
    return _has(REFUSALS, failed) and not _has(REMOTE_AWAY, failed)


def refuse_missing_filters(git: Git, commit: str) -> None:
    """Raises ``BadInput`` when files of ``commit`` need a filter whose program is not here: no worktree could be
    made."""
    missing = [(name, program) for name, program in _needed(git) if not _is_program(git, program)]
    for name, program in missing:
        if _is_used(git, commit, name):
            raise BadInput(
                f"{program} is not here, and files of {git.repo} go through it (filter {name} of its .gitattributes)",
                hint=f"Install {program}, or take `filter.{name}` out of git's configuration.",
            )


def _needed(git: Git) -> Iterator[tuple[str, str]]:
    """Filters without which git checks out nothing that uses them, and the programs they begin with."""
    said = git.call("config", "-z", "--get-regexp", r"^filter\.", allowed=(0, 1)).stdout.decode(errors="replace")
    found: dict[str, dict[str, str]] = {}
    for entry in said.split("\0"):
        key, is_said, value = entry.partition("\n")
        if match := KEYS.fullmatch(key):
            found.setdefault(match["name"], {})[match["key"]] = value if is_said else "true"
    for name, keys in found.items():
        is_required = keys.get("required", "").lower() in ("true", "yes", "on", "1")
        one_by_one = [keys.get("smudge", ""), keys.get("clean", "")] if is_required else []
        for command in [keys["process"]] if keys.get("process") else one_by_one:
            if program := _program(command):
                yield name, program


def _program(command: str) -> str | None:
    """The first word of a shell command, when it is a plain one."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    return words[0] if words and re.fullmatch(r"[\w./+-]+", words[0]) else None


def _is_program(git: Git, program: str) -> bool:
    """Asked of the shell by which git runs filters, which finds git's own programs first."""
    return (
        git.call("-c", f"alias.aidos-has=!command -v {shlex.quote(program)}", "aidos-has", allowed=range(256)).exit_code
        == 0
    )


def _is_used(git: Git, commit: str, name: str) -> bool:
    words = ("grep", "--quiet", "--fixed-strings", f"filter={name}", commit, "--", ":(glob)**/.gitattributes")
    if git.call(*words, allowed=(0, 1)).exit_code == 0:
        return True
    try:
        return f"filter={name}" in (Path(git.common_dir) / "info" / "attributes").read_text(errors="replace")
    except OSError:
        return False


def _has(signs: tuple[str, ...], failed: GitFailed) -> bool:
    return any(sign in failed.stderr for sign in signs)

"""Commits of tasks on a line of history, told by their trailers."""

from __future__ import annotations

import sys
from collections.abc import Collection

from msgspec import Struct

from aidos_actors.core.orders import AttemptKey
from aidos_actors.gitops.git import Git

OUR_TRAILERS = ("Requirement", "Task", "Attempt")
REVERTED = "Aidos-Reverted-Commit"
ANY = ("",)  # each requirement's name begins so


class OurCommit(Struct, frozen=True):
    """A commit of a task; or one that takes such a commit, ``reverts``, back."""

    id: str
    key: AttemptKey
    reverts: str | None = None


def our_commits(git: Git, head: str, base: str, requirements: Collection[str] = ANY) -> list[OurCommit]:
    """Those of these requirements on the first-parent line after ``base``, newest first."""
    names = [f"Aidos-{also}{name}" for also in ("", "Reverted-") for name in OUR_TRAILERS] + [REVERTED]
    values = "|".join(f"%(trailers:key={name},valueonly,separator=%x2C)" for name in names)
    lines = git.text(
        *("rev-list", "--first-parent", "--no-commit-header", f"--format=%H|{values}", "--fixed-strings"),
        *(f"--grep=Aidos-{also}Requirement: {name}" for also in ("", "Reverted-") for name in sorted(requirements)),
        *(head, f"^{base}", "--"),
    )
    found = []
    for line in lines.splitlines():
        commit, *said, reverts = line.split("|")
        at = 3 if reverts else 0
        if said[at] or reverts:  # else it only speaks of one
            key = AttemptKey(said[at], said[at + 1], number_of(said[at + 2]))
            found.append(OurCommit(commit, key, reverts or None))
    return found


def standing(on_line: Collection[OurCommit]) -> list[OurCommit]:
    """Those of tasks that no other of ``on_line`` takes back, in its order."""
    reverted = {each.reverts for each in on_line}
    return [each for each in on_line if each.reverts is None and each.id not in reverted]


def standing_commits(git: Git, head: str, base: str, requirement: str) -> list[OurCommit]:
    """Those of this requirement's tasks on the line after ``base`` that none of the others takes back, newest first."""
    found = standing(our_commits(git, head, base, {requirement}))
    return [each for each in found if each.key.requirement == requirement]  # others' names may begin like it


def number_of(attempt: str) -> int:
    """Of a trailer's text. One that was tampered with counts as new: better done once than twice."""
    return int(attempt) if attempt.isascii() and attempt.isdigit() else sys.maxsize

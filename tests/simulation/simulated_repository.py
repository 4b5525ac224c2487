"""A repository in memory: commits are values, worktrees a table, refs move by comparison."""

from __future__ import annotations

from dataclasses import dataclass, field

from aidos_actors.core.errors import Fenced
from aidos_actors.core.orders import AttemptKey
from tests.simulation.world import World

ENDLESS = "endless"  # what holds a file of this name is judged for an hour
Tree = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Commit:
    parent: str | None
    tree: Tree
    key: AttemptKey | None = None
    reverts: str | None = None


@dataclass
class Worktree:
    """``files`` is what stands in its folder. It is whole when ``is_marked``; ``has_folder`` until set aside."""

    base: str
    files: dict[str, str]
    is_marked: bool = False
    has_folder: bool = True


@dataclass
class Repository:
    commits: dict[str, Commit] = field(default_factory=lambda: {"c0": Commit(None, (("a", "a"),))})
    refs: dict[str, str] = field(default_factory=lambda: {"refs/heads/main": "c0"})
    worktrees: dict[str, Worktree] = field(default_factory=dict)
    remote: dict[str, str] = field(default_factory=dict)

    def write(self, commit: Commit) -> str:
        name = f"c{len(self.commits)}"
        self.commits[name] = commit
        return name

    def transact(self, guard: tuple[str, str], ref: str, new: str, old: str | None) -> bool:
        """All or none: whether ``ref`` moved. Raises ``Fenced`` when ``guard`` (ref, value) does not hold."""
        if self.refs.get(guard[0]) != guard[1]:
            raise Fenced(f"{guard[0]} is {self.refs.get(guard[0])}, not {guard[1]}")
        if old is not None and self.refs.get(ref, "") != old:
            return False
        self.refs[ref] = new
        return True

    def claim(self, ref: str, new: str, old: str) -> bool:
        """Whether ``ref`` was ``old``, and is ``new``."""
        is_old = self.refs[ref] == old
        if is_old:
            self.refs[ref] = new
        return is_old

    def line(self, ref: str) -> list[str]:
        """The first-parent line, newest first."""
        found, commit = [], self.refs.get(ref)
        while commit is not None:
            found.append(commit)
            commit = self.commits[commit].parent
        return found


def repository(of: World) -> Repository:
    """The one there is in that world."""
    of.repository = of.repository or Repository()
    return of.repository  # type: ignore[no-any-return]

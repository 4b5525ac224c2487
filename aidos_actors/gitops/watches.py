"""Which targets are looked at now and then, and what of it is worth telling. Pure; kept by GitOps, told by the rows."""

from __future__ import annotations

from aidos_actors.actors.words import GitWork, TargetSeen
from aidos_actors.core.target_orders import Sighting, Unwatch, Watch


class Watches:
    def __init__(self) -> None:
        self._works: dict[str, GitWork] = {}
        self._told: dict[str, Sighting] = {}
        self._newest_epoch = 0

    def take(self, work: GitWork) -> GitWork | None:
        """A Scheduler begins a watch or ends it; the watches of one that is over end with it. The watch of that
        requirement that is over now, if one is."""
        name = work.order.key.requirement
        before = self._works.get(name)
        self._newest_epoch = max(self._newest_epoch, work.epoch)
        self._works = {name: each for name, each in self._works.items() if each.epoch == self._newest_epoch}
        if isinstance(work.order, Watch) and work.epoch == self._newest_epoch:
            self._works[name] = work
        elif isinstance(work.order, Unwatch):
            self._works.pop(name, None)
            self._told.pop(name, None)
        return before if name not in self._works else None

    @property
    def works(self) -> tuple[GitWork, ...]:
        """One look at each."""
        return tuple(self._works.values())

    def of(self, requirement: str) -> GitWork | None:
        return self._works.get(requirement)

    @property
    def of_red(self) -> tuple[GitWork, ...]:
        """A look at each target that was red when it was seen last."""
        return tuple(work for name, work in self._works.items() if name in self._told and self._told[name].is_red)

    def is_news(self, word: TargetSeen) -> bool:
        """Red is told each time, in case it was not heard; green only when it was not so before."""
        if word.seen is None:
            return False
        before = self._told.get(word.key.requirement)
        self._told[word.key.requirement] = word.seen
        return word.seen.is_red or (before is not None and before.is_red)

"""The root's knowledge of the whole tree: who lives where, what happened, and who wants to be told.

Rules for this file: bookkeeping only; it returns what is to be posted and posts nothing. It lives as long as the root,
whose end is the end of the system.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from supervisors.errors import ExitReason, SupervisorError
from supervisors.messages import ChildInfo, LifecycleEvent
from supervisors.whereabouts import INCARNATIONS_MAX, Degraded, Leave, Listed, Locate, Located, Noted

EVENTS_MAX = 10_000
KNOWN_AFTER_LOSS_S = 30.0
NOTHING: Mapping[int, int] = {}


class Registrar(Struct):
    """``entries``: path -> the child as it is; ``homes``: path -> (incarnation, address) of the living; ``_askers``:
    name -> (path of who asked, whether it stays) -> incarnation -> address."""

    entries: dict[str, ChildInfo] = field(default_factory=dict)
    homes: dict[str, tuple[str, Any]] = field(default_factory=dict)
    events: deque[LifecycleEvent] = field(default_factory=lambda: deque(maxlen=EVENTS_MAX))
    _askers: dict[str, dict[tuple[str, bool], dict[str, Any]]] = field(default_factory=dict)
    _lost: dict[str, float] = field(default_factory=dict)
    _early: dict[str, Degraded] = field(default_factory=dict)
    _reporters: dict[str, str] = field(default_factory=dict)
    _dead: dict[tuple[str, str], float] = field(default_factory=dict)
    _presumed: dict[tuple[str, int | None], LifecycleEvent] = field(default_factory=dict)

    def resolve(self, name: str) -> str:
        """The path that ``name`` (a path, or an id unique in the tree) stands for. SupervisorError not_found else."""
        if name in self.entries:
            return name
        paths = [path for path in self.entries if path.rpartition("/")[2] == name]
        if len(paths) == 1:
            return paths[0]
        why = (
            f"{name!r} stands for {', '.join(sorted(paths))}; give the path" if paths else f"nothing is named {name!r}"
        )
        raise SupervisorError("not_found", why)

    def note(self, noted: Noted | Degraded) -> list[tuple[Any, Located]]:
        """Record what happened; what is returned is to be posted to those who asked."""
        if isinstance(noted, Degraded):
            self._degraded(noted)
            return []
        forgotten = self._forget_the_lost(noted.event.at)
        return [*self._note(noted), *self._tell(forgotten, None)]

    def _note(self, noted: Noted) -> list[tuple[Any, Located]]:
        path, event = noted.event.path, noted.event
        above = path.rpartition("/")[0]
        if (above, noted.by) in self._dead:
            self._note_of_the_dead(noted)
            return []
        if noted.by:
            self._reporters[above] = noted.by
        self.events.append(event)
        if noted.child is None:
            self.entries.pop(path, None)
        else:
            self.entries[path] = noted.child
        if noted.incarnation is not None:
            self._lost.pop(path, None)
            self.homes[path] = (noted.incarnation, noted.address)
            early = self._early.pop(path, None)
            if early is not None and early.reason:
                self._degraded(early)
            return self._tell({path}, None)
        if event.type != "exited":
            return []
        home = self.homes.pop(path, None)
        lost = self._lose_what_is_below(path, home[0] if home else "", event.at)
        is_final = path not in self.entries or self.entries[path].state == "stopped"
        forgotten = self._forget_below(path) if is_final else set()
        told = self._tell({path, *lost} if home else lost, event.reason, noted.begun)
        return [*told, *self._tell(forgotten - lost, None)]

    def note_listed(self, listed: Listed) -> list[tuple[Any, Located]]:
        """Record what a child is without a process; what is returned is to be posted to those who asked."""
        path = listed.path
        if (path.rpartition("/")[0], listed.by) in self._dead:
            return []
        known = self.entries.get(path)
        if listed.child is None or listed.is_moved:
            self.entries.pop(path, None)
        if listed.child is not None:
            is_same = known is not None and known.pid == listed.child.pid
            self.entries[path] = replace(listed.child, degraded=known.degraded) if known and is_same else listed.child
            return []
        return self._tell({path}, None)

    def _lose_what_is_below(self, path: str, incarnation: str, at: float) -> set[str]:
        """A process never outlives its supervisor. The names stay known for a while, since most come back with it."""
        self._bury(path, incarnation, at)
        lost = set()
        for each in [each for each in self.entries if each.startswith(path + "/")]:
            home = self.homes.pop(each, None)
            self._lost[each] = at
            self._bury(each, home[0] if home else "", at)
            if home:
                lost.add(each)
                self._died_with_its_supervisor(each, at)
            self.entries[each] = replace(self.entries[each], state="restarting")
        return lost

    def _forget_below(self, path: str) -> set[str]:
        """Who was below a supervisor that does not come back by itself does not come back either. Their paths: what an
        id that was theirs stands for may be another now."""
        return self._forget({each for each in self._lost if each.startswith(path + "/")})

    def _forget(self, lost: set[str]) -> set[str]:
        for path in lost:
            del self._lost[path]
            self.entries.pop(path, None)
        return lost

    def _bury(self, path: str, incarnation: str, at: float) -> None:
        """What this incarnation had said as a supervisor, and comes from now on, comes late."""
        for dead in {incarnation, self._reporters.pop(path, "")} - {""}:
            self._dead[path, dead] = at

    def _degraded(self, said: Degraded) -> None:
        """An actor is degraded, for another reason, or well again. The word of a process that has gone changes nothing,
        and that of one whose start its supervisor has not told of yet is kept until it does."""
        entry = self.entries.get(said.path)
        if entry is None or self.homes.get(said.path, ("", None))[0] != said.incarnation:
            self._early[said.path] = said
            return
        self.entries[said.path] = replace(entry, degraded=said.reason or None)
        if bool(entry.degraded) == bool(said.reason):
            return
        kind = "degraded" if said.reason else "recovered"
        self.events.append(LifecycleEvent(said.at, kind, said.path, entry.pid, detail=said.reason))

    def _died_with_its_supervisor(self, path: str, at: float) -> None:
        """Its end is presumed, until its supervisor's own word of it comes late, if ever: a supervisor that was killed
        could not report it."""
        entry = self.entries[path]
        self.entries[path] = replace(entry, state="restarting", pid=None, degraded=None)
        event = LifecycleEvent(at, "exited", path, entry.pid, ExitReason("killed", "with its supervisor"))
        self.events.append(event)
        self._presumed[path, entry.pid] = event

    def _note_of_the_dead(self, noted: Noted) -> None:
        """What a supervisor had said before its end and comes after it: history, and nothing about who lives now."""
        event = noted.event
        presumed = self._presumed.pop((event.path, event.pid), None)
        if event.type == "exited" and presumed is not None and presumed in self.events:
            self.events[self.events.index(presumed)] = event
            return
        self.events.append(event)
        if event.type == "started":
            end = LifecycleEvent(event.at, "exited", event.path, event.pid, ExitReason("killed", "with its supervisor"))
            self.events.append(end)
            self._presumed[event.path, event.pid] = end

    def _forget_the_lost(self, now: float) -> set[str]:
        """Who was lost with its supervisor and has not come back with it is not known any more; their paths."""
        forgotten = self._forget({path for path, at in self._lost.items() if now - at > KNOWN_AFTER_LOSS_S})
        for path in [path for path, said in self._early.items() if now - said.at > KNOWN_AFTER_LOSS_S]:
            del self._early[path]
        for dead in [dead for dead, at in self._dead.items() if now - at > KNOWN_AFTER_LOSS_S]:
            del self._dead[dead]
        for key in [key for key, event in self._presumed.items() if now - event.at > KNOWN_AFTER_LOSS_S]:
            del self._presumed[key]
        return forgotten

    def locate(self, ask: Locate, address: Any) -> Located:
        """Where the name is now; the asker is told of every change from here on, if it wants to know."""
        where = self._located(ask.name, None)
        if where.path or ask.stays:
            lives = self._askers.setdefault(ask.name, {}).setdefault((ask.asker, ask.stays), {})
            lives.pop(ask.incarnation, None)
            lives[ask.incarnation] = address
            self._forget_the_oldest(ask.asker, lives)
        return where

    def leave(self, leave: Leave) -> None:
        """Nothing is kept of who asked, nor sent to it when the name changes."""
        askers = self._askers.get(leave.name, {})
        lives = askers.get((leave.asker, True), {})
        lives.pop(leave.incarnation, None)
        if not lives:
            askers.pop((leave.asker, True), None)
        if not askers:
            self._askers.pop(leave.name, None)

    def _forget_the_oldest(self, asker: str, lives: dict[str, Any]) -> None:
        """At most ``INCARNATIONS_MAX`` are kept; the one that lives there is never among the forgotten."""
        living = self.homes.get(asker, ("", None))[0]
        for incarnation in [each for each in lives if each != living][: max(0, len(lives) - INCARNATIONS_MAX)]:
            del lives[incarnation]

    def _to_tell(self, asker: str, lives: dict[str, Any]) -> list[Any]:
        """Of several lives under the path of ``asker`` only the one that lives there, as far as that is known: one that
        was paused, replaced and woke up takes nothing from its successor, though it asked last."""
        living = self.homes.get(asker, ("", None))[0]
        if living in lives:
            for incarnation in [each for each in lives if each != living]:
                del lives[incarnation]
        return list(lives.values())

    def _located(self, name: str, reason: ExitReason | None, begun: Mapping[int, int] = NOTHING) -> Located:
        try:
            path = self.resolve(name)
        except SupervisorError:
            return Located(name, "", None, None, reason, begun=begun)
        incarnation, address = self.homes.get(path, (None, None))
        is_stopped = self.entries[path].state == "stopped"
        return Located(name, path, incarnation, address, reason, is_stopped, begun)

    def _tell(
        self, paths: set[str], reason: ExitReason | None, begun: Mapping[int, int] = NOTHING
    ) -> list[tuple[Any, Located]]:
        told = []
        for name, askers in list(self._askers.items()):
            if name not in paths and not any(path.endswith("/" + name) for path in paths):
                continue
            where = self._located(name, reason, begun)
            for (asker, stays), lives in list(askers.items()):
                has_ended = asker in paths and asker not in self.homes
                if not has_ended:
                    told += [(address, where) for address in self._to_tell(asker, lives)]
                if has_ended or not (where.path or stays):
                    del askers[asker, stays]
            if not askers:
                del self._askers[name]
        return told

    def tree(self, root: ChildInfo) -> dict[str, Any]:
        """The tree as nested mappings: one ``ChildInfo`` each under ``node``, its children in start order."""
        nodes: dict[str, dict[str, Any]] = {root.path: {"node": root, "children": []}}
        for path, entry in self.entries.items():
            nodes.setdefault(path, {"node": entry, "children": []})["node"] = replace(entry, path=path)
        for path, node in nodes.items():
            parent = path.rpartition("/")[0]
            if parent in nodes:
                nodes[parent]["children"].append(node)
        return nodes[root.path]

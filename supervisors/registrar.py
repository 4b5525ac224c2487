"""The root's knowledge of the whole tree: who lives where, what happened, and who wants to be told.

Rules for this file: bookkeeping only; it returns what is to be posted and posts nothing. It lives as long as the root,
whose end is the end of the system.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

from supervisors.errors import ExitReason, SupervisorError
from supervisors.messages import ChildInfo, LifecycleEvent, Locate, Located, Noted

EVENTS_MAX = 10_000
KNOWN_AFTER_LOSS_S = 30.0


@dataclass(slots=True)
class Registrar:
    """``entries``: path -> the child as it is; ``homes``: path -> (incarnation, address) of the living."""

    entries: dict[str, ChildInfo] = field(default_factory=dict)
    homes: dict[str, tuple[str, Any]] = field(default_factory=dict)
    events: deque[LifecycleEvent] = field(default_factory=lambda: deque(maxlen=EVENTS_MAX))
    _askers: dict[str, dict[str, Any]] = field(default_factory=dict)
    _lost: dict[str, float] = field(default_factory=dict)

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

    def note(self, noted: Noted) -> list[tuple[Any, Located]]:
        """Record what happened; what is returned is to be posted to those who asked."""
        path = noted.event.path
        self.events.append(noted.event)
        self._forget_the_lost(noted.event.at)
        if noted.child is None:
            self.entries.pop(path, None)
        else:
            self.entries[path] = noted.child
        if noted.incarnation is not None:
            self._lost.pop(path, None)
            self.homes[path] = (noted.incarnation, noted.address)
            return self._tell({path}, None)
        reason = noted.event.reason
        if noted.event.type != "exited" or path not in self.homes:
            return []
        del self.homes[path]
        below = [each for each in self.entries if each.startswith(path + "/")]
        lost = {each for each in below if self.homes.pop(each, None) is not None}
        for each in below:
            self._lost[each] = noted.event.at
            if each in lost:
                self._died_with_its_supervisor(each, noted.event.at)
        return self._tell({path, *lost}, reason)

    def _died_with_its_supervisor(self, path: str, at: float) -> None:
        """Its supervisor was killed and could not report it: a process never outlives its supervisor. The name stays
        known for a while, since most of its children come back with it."""
        entry = self.entries[path]
        self.entries[path] = replace(entry, state="restarting", pid=None)
        self.events.append(LifecycleEvent(at, "exited", path, entry.pid, ExitReason("killed", "with its supervisor")))

    def _forget_the_lost(self, now: float) -> None:
        """Who was lost with its supervisor and has not come back with it is not known any more."""
        for path in [path for path, at in self._lost.items() if now - at > KNOWN_AFTER_LOSS_S]:
            del self._lost[path]
            self.entries.pop(path, None)

    def locate(self, ask: Locate, address: Any) -> Located:
        """Where the name is now; the asker is told of every change from here on."""
        self._askers.setdefault(ask.name, {})[ask.asker] = address
        return self._located(ask.name, None)

    def _located(self, name: str, reason: ExitReason | None) -> Located:
        try:
            path = self.resolve(name)
        except SupervisorError:
            return Located(name, "", None, None, reason)
        incarnation, address = self.homes.get(path, (None, None))
        return Located(name, path, incarnation, address, reason)

    def _tell(self, paths: set[str], reason: ExitReason | None) -> list[tuple[Any, Located]]:
        told = []
        for name, askers in self._askers.items():
            if name not in paths and not any(path.endswith("/" + name) for path in paths):
                continue
            for asker, address in list(askers.items()):
                if asker in paths and asker not in self.homes:
                    del askers[asker]
                else:
                    told.append((address, self._located(name, reason)))
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

"""The verb ``tree``: the live supervision tree, nested as the contract says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aidos_actors.cli.answer import Answer, Options, usage_error
from aidos_actors.cli.costs import costs_of
from aidos_actors.cli.reach import Door
from supervisors.picture import FORMS, draw


def show_tree(options: Options, form: str = "text") -> Answer:
    """``form`` is text, dot or mermaid. ``Unreachable`` (exit 4) when nothing runs."""
    if form != "text" and form not in FORMS:
        usage_error(f"--format {form}: must be one of text, {', '.join(FORMS)}", options, "aidos tree")
    with Door(Path(options.state)) as door:
        data = read_tree(door)
    return Answer(data, "\n".join(_lines(data, "", "")) if form == "text" else draw(data, form).rstrip())


def read_tree(door: Door) -> dict[str, Any]:
    """The running tree, with the pids that stand beside it. ``Unreachable`` when nothing runs."""
    ping = door.command("ping")
    pids = ping["pids"]
    tree = door.command("tree")
    data = node_view(tree, time.time(), _seen_by_supervisors(door, tree))
    data["pid"] = pids.get("root")
    data |= costs_of(data["pid"])
    for name in ("guardian", "admin", "logger", "launcher"):
        data[f"{name}_pid"] = pids.get(name)
    data["refused_messages"] = ping["refused"]
    return data


def _seen_by_supervisors(door: Door, node: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What each supervisor sees of its children now, by path: only it shares a page with them. Of one that is not
    there, or does not answer, nothing."""
    seen: dict[str, dict[str, Any]] = {}
    if node["node"]["kind"] == "supervisor" and node["node"]["state"] == "running":
        seen |= {info["path"]: info for info in door.children_of(node["node"]["path"])}
    for child in node["children"]:
        seen |= _seen_by_supervisors(door, child)
    return seen


def node_view(node: dict[str, Any], now: float, seen: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One node with its children. ``last_beat_s`` and ``degraded`` are as ``seen``, of the same process only;
    what the process said of itself is longer than what its page entry holds."""
    info = node["node"]
    beat = seen.get(info["path"], info)
    if beat["pid"] != info["pid"]:
        beat = info
    view = {
        "id": info["id"],
        "kind": info["kind"],
        "state": info["state"],
        "pid": info["pid"],
        "restarts": info["restarts"],
        "uptime_s": round(now - info["started_at"], 3) if info["started_at"] else None,
        "last_beat_s": beat["last_beat_s"],
        **costs_of(info["pid"]),
        "degraded": beat["degraded"] and (info["degraded"] or beat["degraded"]),
        "children": [node_view(child, now, seen) for child in node["children"]],
    }
    return {**view, "strategy": info["strategy"]} if info["strategy"] else view


def _lines(node: dict[str, Any], first: str, rest: str) -> Iterator[str]:
    memory = f"  {node['memory_bytes'] / 1e6:.1f} MB" if node["memory_bytes"] else ""
    strategy = f" ({node['strategy']})" if node.get("strategy") else ""
    restarts = f"  {node['restarts']} restarts" if node["restarts"] else ""
    beat = f"  beat {node['last_beat_s']:.1f} s ago" if node["last_beat_s"] is not None else ""
    degraded = f"  degraded: {node['degraded']}" if node["degraded"] else ""
    yield f"{first}{node['id']}{strategy}  {node['state']}  pid {node['pid']}{restarts}{memory}{beat}{degraded}"
    for child in node["children"]:
        is_last = child is node["children"][-1]
        yield from _lines(child, rest + ("└─ " if is_last else "├─ "), rest + ("   " if is_last else "│  "))

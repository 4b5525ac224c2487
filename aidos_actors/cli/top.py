"""The verb ``top``: the processes of the live tree, sorted, with what happened to them last."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from aidos_actors.cli.answer import Answer, Options, printable, usage_error
from aidos_actors.cli.reach import Door
from aidos_actors.cli.tree import read_tree
from aidos_actors.core.views import rfc3339

EVENTS_SHOWN = 8
PLAIN_WIDTH = 140
SORTS: dict[str, Callable[[dict[str, Any]], float]] = {
    "cpu": lambda row: -(row["cpu_percent"] or 0.0),
    "memory": lambda row: -(row["memory_bytes"] or 0),
    "restarts": lambda row: -row["restarts"],
    "beat": lambda row: -(row["last_beat_s"] if row["last_beat_s"] is not None else -1.0),
}
COLOURS = {"running": "green", "starting": "yellow", "restarting": "yellow", "stopping": "yellow", "stopped": "dim"}


def show_top(options: Options, sort: str, once: bool, interval_s: float) -> Answer | int:
    """One frame without a terminal, with ``once`` or as JSON; else frames until Ctrl-C. ``Unreachable`` (exit 4) when
    nothing runs, or runs no more."""
    if sort not in SORTS:
        usage_error(f"--sort {sort}: must be one of {', '.join(SORTS)}", options, "aidos top")
    with Door(Path(options.state)) as door:
        frame = read_frame(door, sort)
        if once or options.as_json or not sys.stdout.isatty():
            return Answer(frame, lambda: plain(frame))
        with Live(drawn(frame), screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(interval_s)
                frame = read_frame(door, sort, frame)
                live.update(drawn(frame), refresh=True)


def read_frame(door: Door, sort: str, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """What one frame shows: ``processes`` in the order of ``sort``, and the newest lifecycle ``events``.
    ``cpu_percent`` is the share of one processor since the frame ``before``, or since the process began."""
    now = time.time()
    rows = list(_flat(read_tree(door), ""))
    known, since = _used_by(before)
    for row in rows:
        row["cpu_percent"] = _cpu_percent(row, known, now - since)
    events = [_event(event) for event in door.command("events")[-EVENTS_SHOWN:]]
    return {"at": rfc3339(now), "sort": sort, "processes": sorted(rows, key=SORTS[sort]), "events": events}


def _flat(node: dict[str, Any], above: str) -> Iterator[dict[str, Any]]:
    path = f"{above}/{node['id']}" if above else node["id"]
    fields = ("kind", "state", "pid", "restarts", "uptime_s", "last_beat_s", "memory_bytes", "cpu_s", "degraded")
    yield {"path": path, **{name: node[name] for name in fields}}
    for child in node["children"]:
        yield from _flat(child, path)


def _used_by(frame: dict[str, Any] | None) -> tuple[dict[int | None, float | None], float]:
    """What each process had used by that frame, and the moment of it."""
    if frame is None:
        return {}, 0.0
    return {each["pid"]: each["cpu_s"] for each in frame["processes"]}, datetime.fromisoformat(frame["at"]).timestamp()


def _cpu_percent(row: dict[str, Any], known: dict[int | None, float | None], span_s: float | None) -> float | None:
    used_s, already_s = row["cpu_s"], known.get(row["pid"])
    if already_s is None:
        already_s, span_s = 0.0, row["uptime_s"]
    return round(100 * (used_s - already_s) / span_s, 1) if used_s is not None and span_s else None


def _event(event: dict[str, Any]) -> dict[str, Any]:
    reason = event["reason"]
    shown = {"kind": reason["kind"], "detail": reason["detail"]} if reason else None
    return {"at": rfc3339(event["at"]), **{name: event[name] for name in ("type", "path", "pid")}, "reason": shown}


def plain(frame: dict[str, Any]) -> str:
    """The frame as text without colours."""
    page = io.StringIO()
    Console(file=page, width=PLAIN_WIDTH, color_system=None).print(drawn(frame))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


def drawn(frame: dict[str, Any]) -> Group:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("process", no_wrap=True, ratio=1)
    table.add_column("state")
    for name in ("pid", "restarts", "up", "beat", "CPU", "memory"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in frame["processes"]:
        state = f"{row['state']}, {row['degraded']}" if row["degraded"] else row["state"]
        colour = "red" if row["degraded"] else COLOURS.get(row["state"], "")
        table.add_row(
            Text(printable(row["path"])),
            Text(printable(state), style=colour),
            str(row["pid"] or ""),
            str(row["restarts"]),
            _seconds(row["uptime_s"]),
            _seconds(row["last_beat_s"]),
            f"{row['cpu_percent']:.1f} %" if row["cpu_percent"] is not None else "",
            f"{row['memory_bytes'] / 1e6:.1f} MB" if row["memory_bytes"] else "",
        )
    lines = [_line(event) for event in frame["events"]]
    head = Text(f"{frame['at']}  {len(frame['processes'])} processes by {frame['sort']}", style="bold")
    return Group(head, Text(""), table, Text(""), *lines)


def _line(event: dict[str, Any]) -> Text:
    reason = event["reason"]
    why = f"  {reason['kind']}{': ' if reason['detail'] else ''}{reason['detail']}" if reason else ""
    text = f"{event['at']}  {event['type']:<8} {event['path']}  pid {event['pid']}{why}"
    return Text(printable(text), style="red" if reason and reason["kind"] in ("killed", "abnormal") else "")


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

"""What ``tree`` says of a running system is true of its processes."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

from tests.system.conftest import Place, eventually


def nodes(node: dict[str, Any], above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    path = f"{above}/{node['id']}" if above else node["id"]
    yield path, node
    for child in node["children"]:
        yield from nodes(child, path)


def test_beats_memory_and_trouble_of_every_process(place: Place) -> None:
    began_at = time.monotonic()
    serve = place.begin("serve", "--workers", "2")
    eventually(place.is_up)
    tree = dict(nodes(place.tree()))
    assert {"root", "root/scheduling", "root/scheduling/scheduler", "root/workers/worker-2"} < tree.keys()
    for path, node in tree.items():
        assert node["memory_bytes"] > 1_000_000, path
        assert 0 <= node["cpu_s"] < 60, path
        assert 0 <= node["last_beat_s"] <= time.monotonic() - began_at, path
        assert 0 < node["uptime_s"] <= time.monotonic() - began_at, path
        assert node["degraded"] is None, path

    analyzer = tree["root/analysis/analyzer"]["pid"]
    os.kill(analyzer, signal.SIGSTOP)
    eventually(lambda: dict(nodes(place.tree()))["root/analysis/analyzer"]["degraded"] == "stopped")
    os.kill(analyzer, signal.SIGCONT)
    after = eventually(
        lambda: node if (node := dict(nodes(place.tree()))["root/analysis/analyzer"])["degraded"] is None else None
    )
    assert (after["pid"], after["restarts"]) == (analyzer, 0)
    assert "beat" in place.here("tree").stdout
    assert place.here("tree", "--format", "mermaid").stdout.startswith("flowchart TD\n")
    assert place.here("tree", "--format", "dot").stdout.startswith("digraph tree {\n")
    os.kill(analyzer, signal.SIGKILL)
    eventually(lambda: dict(nodes(place.tree()))["root/analysis/analyzer"]["restarts"] == 1)
    page = place.aidos("top", "--sort", "restarts").stdout.splitlines()
    assert page[2].split()[:2] == ["process", "state"] and page[3].startswith("root/analysis/analyzer ")
    assert any("exited   root/analysis/analyzer" in line and "killed" in line for line in page)
    frame = json.loads(place.aidos("top", "--json").stdout)["data"]
    sizes = [each["memory_bytes"] or 0 for each in frame["processes"]]
    assert sizes == sorted(sizes, reverse=True) and len(sizes) == len(tree)
    by_cpu = json.loads(place.aidos("top", "--json", "--sort", "cpu").stdout)["data"]["processes"]
    shares = [each["cpu_percent"] for each in by_cpu]
    assert shares == sorted(shares, reverse=True) and shares[0] > 0
    assert place.here("top", "--sort", "luck").returncode == place.here("tree", "--format", "x").returncode == 2
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0
    assert place.here("top", "--once").returncode == place.aidos("tree").returncode == 4
    place.assert_clean()

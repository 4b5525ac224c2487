"""Every kind of process killed at every stage, for real: always done, nothing lost, nothing doubled, nothing left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.system.conftest import Place, eventually

TASKS = {
    "first": {"run": "echo 1 > first.txt"},
    "left": {"run": "sleep 1; echo l > left.txt", "needs": ["first"]},
    "right": {"run": "sleep 1; echo r > right.txt", "needs": ["first"]},
    "last": {"run": "cat left.txt right.txt > last.txt", "needs": ["left", "right"]},
}
STAGES = {
    "analysing": ("analysis_started", None),
    "dispatching": ("attempt_leased", "left"),
    "running": ("attempt_started", "left"),
    "integrating": ("integration_started", "left"),
}
KINDS = {
    "worker": "root/workers/worker-1",
    "scheduler": "root/scheduling/scheduler",
    "analyzer": "root/analysis/analyzer",
    "gitops": "root/delivery/gitops",
    "inner supervisor": "root/workers",
    "scheduling supervisor": "root/scheduling",
    "root": "root",
    "admin": "admin",
    "logger": "logger",
    "launcher": "launcher",
    "guardian": "guardian",
}


OFTEN = {"worker", "scheduler", "gitops", "launcher", "guardian", "everything"}


def pairs() -> Iterator[Any]:
    """Every kind at every stage. All of them one after another in few runs is the campaign's; each in a run of its own
    takes long, so only one stage of some kinds is looked at so closely every time."""
    for number, kind in enumerate([*KINDS, "everything"]):
        for place, stage in enumerate(STAGES):
            is_rare = (number + place) % len(STAGES) or kind not in OFTEN
            marks = [pytest.mark.long] if is_rare else []
            yield pytest.param(kind, stage, marks=marks)


@pytest.mark.chaos
@pytest.mark.parametrize(("kind", "stage"), list(pairs()))
def test_a_kill_of(place: Place, kind: str, stage: str) -> None:
    hold = place.folder / "hold"
    if stage == "analysing":
        hold.touch()
    gate = "sleep 0.3; test -f a.txt" if stage == "integrating" else "test -f a.txt"
    file = place.requirement(TASKS, verify=gate)
    run = place.begin("run", str(file), "--workers", "2", AIDOS_TEST_HOLD_ANALYSIS=str(hold))
    eventually((place.state / "control.sock").exists)
    pids = eventually(lambda: _pids(place))
    eventually(lambda: place.event(*STAGES[stage]))
    place.kill(*(pids.values() if kind == "everything" else [pids[KINDS[kind]]]))
    hold.unlink(missing_ok=True)
    assert run.wait(90) == 0, place.said()
    place.assert_laws("work", set(TASKS))
    place.assert_clean()


def _pids(place: Place) -> dict[str, int] | None:
    return place.pids() if place.is_up() else None


def test_a_long_command_outlives_three_deaths_of_the_scheduler(place: Place) -> None:
    gate = place.folder / "go"
    wait = f"while [ ! -e '{gate}' ]; do sleep 0.05; done; echo x > long.txt"
    file = place.requirement({"long": {"run": wait}})
    run = place.begin("run", str(file))
    eventually(lambda: place.event("attempt_started", "long"))
    for _ in range(3):
        before = place.pids()["root/scheduling/scheduler"]
        adopted = len([event for event in place.journal() if event["type"] == "attempt_adopted"])
        place.kill(before)
        eventually(lambda n=adopted: len([e for e in place.journal() if e["type"] == "attempt_adopted"]) > n)
    gate.touch()
    assert run.wait(90) == 0
    assert [event["attempt"] for event in place.journal() if event["type"] == "attempt_started"] == [1]
    place.assert_laws("work", {"long"})
    place.assert_clean()


@pytest.mark.parametrize("kind", ["nursery", "minder", "command"])
def test_a_kill_below_the_worker(place: Place, kind: str) -> None:
    file = place.requirement({"left": {"run": "setsid sleep 77 & sleep 2; echo l > left.txt"}})
    run = place.begin("run", str(file), "--workers", "1")
    minder = eventually(lambda: place.event("attempt_started", "left"))["data"]["minder_pid"]
    children = Path(f"/proc/{minder}/task/{minder}/children")
    command = int(eventually(lambda: children.read_text().split())[0])
    nursery = int(Path(f"/proc/{minder}/stat").read_text().rpartition(")")[2].split()[1])
    place.kill({"nursery": nursery, "minder": minder, "command": command}[kind])
    assert run.wait(90) == 0, place.said()
    faults = [event["data"]["fault"] for event in place.journal() if event["type"] == "attempt_ended"]
    assert faults[-1] == "none" and faults[0] == ("own" if kind == "command" else "infra")
    place.assert_laws("work", {"left"})
    place.assert_clean()


def test_what_a_command_started_is_gone_before_its_next_attempt(place: Place) -> None:
    seen = place.folder / "seen"
    ours = os.getpid()  # other tests sleep, too
    command = (
        f"ps -eo args | grep -E '^sleep 7[78].{ours}$' >> {seen}; "
        f'test "$AIDOS_ATTEMPT" = 2 && exit 0; setsid sleep 77.{ours} & sleep 78.{ours}'
    )
    run = place.begin("run", str(place.requirement({"long": {"run": command}})), "--workers", "1")
    eventually(lambda: place.event("attempt_started", "long"))
    eventually(lambda: _sleeping(place) == 2)
    place.kill(place.pids()["root/workers/worker-1"])
    assert run.wait(90) == 0
    assert seen.read_text() == ""
    place.assert_clean()


def _sleeping(place: Place) -> int:
    names = [Path(f"/proc/{pid}/cmdline") for pid in place.marked()]
    return sum(name.read_bytes().startswith(b"sleep\0007") for name in names if name.exists())


def test_run_itself_killed_with_everything_and_started_again(place: Place) -> None:
    file = place.requirement(TASKS)
    run = place.begin("run", str(file))
    eventually(lambda: place.event("task_done", "first"))
    eventually(lambda: place.event("attempt_started", "left"))
    place.kill(run.pid, *place.pids().values())
    run.wait()
    again = place.aidos("run", str(file))
    assert again.returncode == 0, again.stderr
    starts = [event["task"] for event in place.journal() if event["type"] == "attempt_started"]
    assert starts.count("first") == 1
    place.assert_laws("work", set(TASKS))
    place.assert_clean()


def test_nothing_of_a_command_outlives_a_killed_service(place: Place) -> None:
    """What it started is ended by its minder, which has the time to do so; not only what can be told by a mark."""
    daemon = f"env -i setsid sh -c 'sleep 77 & sleep 77; : {place.folder}' &"
    command = f"for each in 1 2 3 4 5 6 7 8; do {daemon} done; wait"
    place.here("submit", str(place.requirement({"daemons": {"run": command}})))
    service = place.begin("serve")
    minder = eventually(lambda: place.event("attempt_started", "daemons"))["data"]["minder_pid"]
    eventually(lambda: len(psutil.Process(minder).children(recursive=True)) > 24)
    place.kill(service.pid)
    service.wait()
    eventually(lambda: not place.marked(), 10.0)


def test_a_stopped_scheduler_that_wakes_up_is_fenced(place: Place) -> None:
    file = place.requirement(TASKS)
    run = place.begin("run", str(file))
    eventually(lambda: place.event("attempt_started", "left"))
    pids = place.pids()
    os.kill(pids["root/scheduling/scheduler"], signal.SIGSTOP)
    place.kill(pids["root/scheduling"])
    time.sleep(0.2)
    assert run.wait(90) == 0, place.said()
    place.assert_laws("work", set(TASKS))
    place.assert_clean()


def test_no_listener_outside_loopback_and_foreign_bytes_do_nothing(place: Place) -> None:
    import pickle
    import socket

    touched = place.folder / "touched"

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return os.system, (f"touch {touched}",)

    file = place.requirement({"long": {"run": "sleep 3; echo x > long.txt"}})
    run = place.begin("run", str(file))
    eventually(lambda: place.event("attempt_started", "long"))
    inodes = _socket_inodes(set(place.pids().values()))
    ports = []
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in inodes:
                host, port = words[1].split(":")
                assert host == "0100007F", line
                ports.append(int(port, 16))
    assert len(ports) >= 8
    body = pickle.dumps(Evil())
    for port in ports:
        for payload in (b"%d>" % len(body) + body, b"16>" + os.urandom(16), os.urandom(300), b"999999999999>"):
            with socket.create_connection(("127.0.0.1", port), 1) as link:
                link.sendall(payload)
    with socket.socket(socket.AF_UNIX) as link:
        folder = os.open(place.state, os.O_DIRECTORY)
        link.connect(f"/proc/self/fd/{folder}/control.sock")
        os.close(folder)
        link.sendall(len(body).to_bytes(4, "big") + body)
    assert run.wait(60) == 0
    assert not touched.exists()
    place.assert_laws("work", {"long"})
    place.assert_clean()


def _socket_inodes(pids: set[int]) -> set[str]:
    found = set()
    for pid in pids:
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            try:
                link = str(fd.readlink())
            except OSError:
                continue
            if link.startswith("socket:["):
                found.add(link[8:-1])
    return found

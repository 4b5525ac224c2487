"""A ledger that cannot be written degrades the Scheduler: nothing new starts, what runs goes on, and it comes back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.system.conftest import Place, eventually

UNLIMITED = (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY)


def scheduler(place: Place) -> dict[str, Any]:
    scheduling = next(child for child in place.tree()["children"] if child["id"] == "scheduling")
    return dict(scheduling["children"][0])


def code_and_error(place: Place, *words: str) -> tuple[int, dict[str, Any]]:
    done = place.aidos(*words, "--json")
    return done.returncode, json.loads(done.stdout).get("error", {})


def test_what_runs_goes_on_and_is_recorded_when_there_is_room_again(place: Place) -> None:
    """No file of the Scheduler may grow: as on a full disk, each write of it fails."""
    gate, over = place.folder / "go", place.folder / "over"
    serve = place.begin("serve", "--workers", "2")
    wait = f"while [ ! -e '{gate}' ]; do sleep 0.05; done; echo b > b.txt; touch '{over}'"
    file = place.requirement({"slow": {"run": wait}, "next": {"run": "echo c > c.txt", "needs": ["slow"]}})
    assert place.aidos("submit", str(file)).returncode == 0
    eventually(lambda: place.event("attempt_started", "slow"))
    before = scheduler(place)
    process = psutil.Process(before["pid"])

    process.rlimit(psutil.RLIMIT_FSIZE, (0, psutil.RLIM_INFINITY))
    beside = place.requirement({"quick": {"run": "true"}}, name="beside")
    code, error = code_and_error(place, "submit", str(beside))
    assert (code, error["code"]) == (75, "ledger_unavailable")
    node = eventually(lambda: node if (node := scheduler(place))["degraded"] else None)
    assert "write the ledger" in node["degraded"] and node["pid"] == before["pid"]
    assert code_and_error(place, "pause", "work")[0] == 75
    assert "nothing new starts" in place.data("explain", "work/next")["reasons"][0]["text"]
    assert place.data("explain", "work/slow")["reasons"][0]["code"] == "running"
    assert place.here("status").returncode == 9
    assert place.data("status", "work")["state"] == "running"

    gate.touch()
    eventually(over.exists)
    assert place.event("attempt_started", "next") is None
    process.rlimit(psutil.RLIMIT_FSIZE, UNLIMITED)

    eventually(lambda: place.data("status", "work")["state"] == "done")
    tasks = place.data("status", "work")["tasks"]
    assert [(task["attempts"], task["infra_faults"]) for task in tasks] == [(1, 0), (1, 0)]
    node = scheduler(place)
    assert (node["degraded"], node["pid"], node["restarts"]) == (None, before["pid"], 0)
    assert place.here("status").returncode == 0
    assert place.aidos("submit", str(beside)).returncode == 0
    eventually(lambda: place.data("status", "beside")["state"] == "done")
    place.assert_laws("work", {"slow", "next"})
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0
    place.assert_clean()


FULL = """
mount -t tmpfs -o size=3m tmpfs small && cd small || exit 99
"$1" -m aidos_actors submit ../work.yaml --state state >&2 || exit 98
dd if=/dev/zero of=fill bs=1k >/dev/null 2>&1
"$1" -m aidos_actors $2 --state state --json
"""


def on_a_small_disk(place: Place, script: str, *words_of_it: str) -> subprocess.CompletedProcess[str]:
    """``script`` with the interpreter as ``$1``, in a namespace with a small disk of its own at ``small``."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    (place.folder / "small").mkdir()
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", sys.executable, *words_of_it]
    done = subprocess.run(words, cwd=place.folder, env=dict(os.environ), capture_output=True, text=True, timeout=60)
    if done.returncode == 99 or done.stderr.startswith("unshare:"):
        pytest.skip(f"no namespaces may be made here: {done.stderr}")
    return done


@pytest.mark.parametrize("verb", ["run ../work.yaml", "serve"])
def test_a_system_that_finds_no_room_to_start_is_to_be_started_again(place: Place, verb: str) -> None:
    place.requirement({"a": {"run": "true"}}, repo=None)
    done = on_a_small_disk(place, FULL, verb)
    assert done.returncode == 75, done.stderr
    assert "No space left" in json.loads(done.stdout)["error"]["message"] and "Traceback" not in done.stderr
    place.assert_clean()


FULL_AT_REST = """
mount -t tmpfs -o size=24m tmpfs small && cd small || exit 99
"$1" -m aidos_actors run ../work.yaml --state state >&2 || exit 98
dd if=/dev/zero of=fill bs=4k >/dev/null 2>&1
for verb in "status work" "tasks work" "db check"; do
    "$1" -m aidos_actors $verb --state state --json || exit 97
done
"$1" -m aidos_actors submit ../work.yaml --state state --json
"""


def test_what_is_recorded_can_be_read_when_the_disk_is_full(place: Place) -> None:
    """Nothing runs, and there is no room for SQLite's index beside the ledger. A submission says why it cannot be."""
    place.requirement({"a": {"run": "true"}}, repo=None)
    done = on_a_small_disk(place, FULL_AT_REST)
    assert done.returncode == 75, done.stderr
    status, tasks, check, refused = map(json.loads, done.stdout.splitlines())
    assert (status["data"]["state"], tasks["data"]["tasks"][0]["state"], check["ok"]) == ("done", "done", True)
    assert "No space left" in refused["error"]["message"] and "defect" not in refused["error"]["hint"]
    place.assert_clean()


def test_a_stop_while_nothing_can_be_written_loses_nothing(place: Place) -> None:
    gate = place.folder / "go"
    serve = place.begin("serve", "--workers", "1", "--drain", "1")
    file = place.requirement({"slow": {"run": f"while [ ! -e '{gate}' ]; do sleep 0.05; done; echo b > b.txt"}})
    assert place.aidos("submit", str(file)).returncode == 0
    eventually(lambda: place.event("attempt_started", "slow"))
    psutil.Process(scheduler(place)["pid"]).rlimit(psutil.RLIMIT_FSIZE, (0, psutil.RLIM_INFINITY))
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(90) == 0
    eventually(lambda: not place.marked())

    gate.touch()
    assert Path(file).exists() and place.aidos("run", str(file)).returncode == 0
    place.assert_laws("work", {"slow"})
    place.assert_clean()


FULL_WHILE_IT_RUNS = """
mount -t tmpfs -o size=24m tmpfs small && cd small || exit 99
aidos() { "$python" -m aidos_actors "$@" --state state --json; }
python=$1
"$python" -m aidos_actors serve --state state --workers 1 & serve=$!
until aidos tree; do :; done >&2
aidos submit ../work.yaml >&2 || exit 98
until aidos explain work/slow | grep -q '"running"'; do :; done
dd if=/dev/zero of=fill bs=4k >/dev/null 2>&1
aidos submit ../large.yaml
kill -9 $(aidos tree | "$python" -c "$2")
touch ../go
until aidos status work | grep -q '"state": "done"'; do :; done
rm fill
aidos submit ../large.yaml >&2 || exit 97
until aidos status large | grep -q '"state": "done"'; do :; done
kill $serve; wait $serve; echo $?
"""
SCHEDULER = """
import json, sys
(scheduling,) = (each for each in json.load(sys.stdin)["data"]["children"] if each["id"] == "scheduling")
print(scheduling["children"][0]["pid"])
"""


def test_a_disk_that_fills_while_it_runs_ends_nothing_not_even_beside_a_death(place: Place) -> None:
    """In the room that is kept for it the end of what ran is still recorded, by a successor, too."""
    wait = f"while [ ! -e '{place.folder}/go' ]; do sleep 0.05; done"
    place.requirement({"slow": {"run": wait}}, repo=None)
    place.requirement({f"t{n}": {"run": f"true {'x' * 90_000}"} for n in range(6)}, name="large", repo=None)
    done = on_a_small_disk(place, FULL_WHILE_IT_RUNS, SCHEDULER)
    assert done.returncode == 0, done.stderr
    refused, ended = done.stdout.splitlines()
    assert json.loads(refused)["error"]["code"] == "try_again" and ended == "0"
    assert "Traceback" not in done.stderr
    place.assert_clean()


FULL_UNDER_A_TASK = """
mount -t tmpfs -o size=24m tmpfs small && cd small || exit 99
export TMPDIR=$PWD
aidos() { "$python" -m aidos_actors "$@" --state ../state --json; }
python=$1
"$python" -m aidos_actors serve --state ../state --workers 2 & serve=$!
until aidos tree; do :; done >&2
aidos submit ../work.yaml >&2 || exit 98
until [ -e ../begun ] && [ -e ../called ]; do :; done
dd if=/dev/zero of=fill bs=4k >/dev/null 2>&1
touch ../go
until aidos events | grep -c '"fault": "infra"' | grep -q '^[2-9]'; do :; done
rm fill
aidos run ../work.yaml
kill $serve; wait $serve; echo $?
"""
WRITES = """
import os, pathlib, time
def writes(place):
    place = pathlib.Path(place)
    (place / "called").touch()
    while not (place / "go").exists():
        time.sleep(0.05)
    with open(os.path.join(os.environ["TMPDIR"], "called"), "wb") as file:
        file.write(bytes(65536))
"""


def test_what_fails_on_a_full_disk_is_done_when_there_is_room_and_uses_up_no_retry(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = place.folder
    (here / "writing.py").write_text(WRITES)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")]))
    wait = f"touch '{here}/begun'; until [ -e '{here}/go' ]; do sleep 0.05; done"
    run = f"{wait}; head -c 65536 /dev/zero > $TMPDIR/written"
    call = {"call": "writing:writes", "args": {"place": str(here)}, "retries": 0}
    place.requirement({"run": {"run": run, "retries": 0}, "call": call}, repo=None)
    done = on_a_small_disk(place, FULL_UNDER_A_TASK)
    assert done.returncode == 0, done.stderr
    status, ended = done.stdout.splitlines()
    data = json.loads(status)["data"]
    assert (data["state"], ended) == ("done", "0"), data
    assert all(task["infra_faults"] for task in data["tasks"])
    place.assert_clean()


FILLED_BY_A_TASK = """
mount -t tmpfs -o size=24m tmpfs small && cd small || exit 99
"$1" -m aidos_actors run ../work.yaml --state state --json
"""


def test_a_task_that_fills_the_disk_itself_is_not_tried_for_ever(place: Place) -> None:
    place.requirement({"fills": {"run": "head -c 99999999 /dev/zero > fill", "retries": 0}}, repo=None)
    done = on_a_small_disk(place, FILLED_BY_A_TASK)
    assert done.returncode == 1, done.stderr
    (task,) = json.loads(done.stdout)["data"]["tasks"]
    assert (task["state"], task["attempts"]) == ("failed", 5)
    assert "is full" in task["error"] and "5 times in a row" in task["error"]
    place.assert_clean()

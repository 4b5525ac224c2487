"""A killed worker's task goes on where its last attempt had saved its progress; what was saved goes with the work."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from tests.system.conftest import Place, eventually

STEPS = """
from pathlib import Path
import time

def walk(folder, context):
    folder = Path(folder)
    for step in range(context.last_checkpoint or 0, 6):
        with (folder / "steps").open("a") as file:
            file.write(f"{context.attempt}:{step} ")
        context.checkpoint(step + 1)
        while step == 2 and context.attempt == 1:
            time.sleep(0.05)
    return context.last_checkpoint

def heavy(context):
    (Path(context.env["AIDOS_CHECKPOINT_DIR"]) / "data").write_bytes(bytes(400_000))
"""
COMMAND = """
if test -e "$AIDOS_CHECKPOINT_DIR/half"; then cat "$AIDOS_CHECKPOINT_DIR/half" > whole.txt; exit 0; fi
trap 'echo told > "$AIDOS_CHECKPOINT_DIR/half"; exit 1' TERM
touch {folder}/waits
while :; do sleep 0.05; done
"""


def holder_of(place: Place, task: str) -> str:
    started = place.event("attempt_started", task)
    assert started is not None
    data = started["data"]
    return str((json.loads(data) if isinstance(data, str) else data)["worker"])


def saved(place: Place) -> list[Path]:
    return list((place.state / "checkpoints").rglob("*"))


def test_a_callable_whose_worker_is_killed_goes_on_from_its_last_checkpoint(place: Place) -> None:
    (place.folder / "steps_of.py").write_text(STEPS)
    tasks = {"walk": {"call": "steps_of:walk", "args": {"folder": str(place.folder)}, "retries": 0}}
    file = place.requirement(tasks, repo=None)
    run = place.begin("run", str(file), PYTHONPATH=str(place.folder))
    eventually(lambda: (place.folder / "steps").exists() and "1:2" in (place.folder / "steps").read_text())
    eventually(lambda: [each for each in saved(place) if each.name == "value-1-3.json"])
    place.kill(place.pids()[f"{holder_of(place, 'walk')}"])
    assert run.wait(60) == 0, place.said()
    assert (place.folder / "steps").read_text().split() == ["1:0", "1:1", "1:2", "2:3", "2:4", "2:5"]
    assert not saved(place), "kept beyond the task's end"


def test_a_command_saves_on_a_drain_and_the_next_run_goes_on_from_there(place: Place) -> None:
    file = place.requirement({"half": {"run": COMMAND.replace("{folder}", str(place.folder)), "retries": 0}})
    run = place.begin("run", str(file), "--drain", "0")
    eventually((place.folder / "waits").exists)
    run.send_signal(signal.SIGTERM)
    assert run.wait(60) == 143, place.said()
    assert [each.name for each in saved(place)] == ["work", "half", "half"]
    assert place.event("attempt_released", "half") is not None
    assert place.aidos("run", str(file)).returncode == 0, place.said()
    assert place.git("show", "aidos/work:whole.txt") == "told"
    assert not saved(place)
    place.assert_clean()


def test_a_checkpoint_over_its_limit_fails_its_task_and_says_so(place: Place) -> None:
    greedy = 'head -c 400000 /dev/zero > "$AIDOS_CHECKPOINT_DIR/data"; while :; do sleep 0.05; done'
    (place.folder / "steps_of.py").write_text(STEPS)
    file = place.requirement(
        {"greedy": {"run": greedy, "retries": 1}, "heavy": {"call": "steps_of:heavy", "retries": 1}}
    )
    run = place.begin("run", str(file), AIDOS_LIMITS__CHECKPOINT_BYTES="300000", PYTHONPATH=str(place.folder))
    assert run.wait(60) == 1, place.said()
    greedy, heavy = place.data("status", "work")["tasks"]
    assert greedy["attempts"] == 2 and "checkpoint folder is over the limit of 300,000 bytes" in greedy["error"]
    assert heavy["attempts"] == 2 and "checkpoint folder holds more than 300,000 bytes" in heavy["error"]
    for name in ("greedy", "heavy"):
        said = place.aidos("output", f"work/{name}").stdout
        assert "over its limit of 300,000 bytes or 20,000 entries and has been removed" in said
    assert not saved(place)
    place.assert_clean()

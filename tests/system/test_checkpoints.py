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
ODD = """
import os, shutil, socket
from pathlib import Path

def value(folder):
    return folder / "value-1-2.json"

def pipe(folder):
    value(folder).unlink()
    os.mkfifo(value(folder))

def folder(folder):
    value(folder).unlink()
    value(folder).mkdir()

def no_end(folder):
    value(folder).unlink()
    value(folder).symlink_to("/dev/zero")

def listener(folder):
    value(folder).unlink()
    os.chdir(folder)
    socket.socket(socket.AF_UNIX).bind(value(folder).name)

def huge(folder):
    os.truncate(value(folder), 1 << 40)

def pipe_of_the_next(folder):
    value(folder).unlink()
    os.mkfifo(folder / ".value-2-1.json.new")

def file_for_the_folder(folder):
    shutil.rmtree(folder)
    folder.write_text("mine")

def pipe_for_the_folder(folder):
    shutil.rmtree(folder)
    os.mkfifo(folder)

def link_for_the_folder(folder):
    elsewhere = folder.parent.parent.parent.parent / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)

def file_for_all_folders(folder):
    shutil.rmtree(folder.parent)
    folder.parent.write_text("mine")

def spoils(how, context):
    if context.attempt == 1:
        context.checkpoint("whole")
        context.checkpoint("newest")
        globals()[how](Path(context.env["AIDOS_CHECKPOINT_DIR"]))
        raise RuntimeError("again")
    found = context.last_checkpoint
    context.checkpoint("more")
    return [found, context.last_checkpoint]
"""
OF_A_VALUE = ("pipe", "folder", "no_end", "listener", "huge", "pipe_of_the_next")
OF_A_FOLDER = ("file_for_the_folder", "pipe_for_the_folder", "link_for_the_folder")
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


def test_what_a_task_puts_in_the_place_of_its_checkpoint_is_none_and_holds_up_no_attempt(place: Place) -> None:
    (place.folder / "odd.py").write_text(ODD)
    tasks = {
        how: {"call": "odd:spoils", "args": {"how": how}, "timeout": "20s", "retries": 1, "retry": {"delay": "10ms"}}
        for how in (*OF_A_VALUE, *OF_A_FOLDER, "file_for_all_folders")
    }
    tasks["file_for_all_folders"]["needs"] = [*OF_A_VALUE, *OF_A_FOLDER]
    run = place.begin("run", str(place.requirement(tasks, repo=None)), PYTHONPATH=str(place.folder))
    assert run.wait(90) == 0, place.said()
    results = {how: place.data("output", f"work/{how}")["result"] for how in tasks}
    assert results == {how: ["whole" if how in OF_A_VALUE else None, "more"] for how in tasks}
    assert {task["infra_faults"] for task in place.data("status", "work")["tasks"]} == {0}
    assert (place.folder / "elsewhere" / "value-1-2.json").exists(), "what a link led to is not ours"
    assert not saved(place)
    place.assert_clean()

"""The main job, through the real command line, on a real repository."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.conftest import Place, eventually

THREE = {
    "one": {"run": "echo one > one.txt"},
    "two": {"run": "echo two > two.txt", "needs": ["one"]},
    "three": {"run": "cat one.txt two.txt > three.txt", "needs": ["two"], "verify": "test -s three.txt"},
    "version": {"call": "platform:python_version"},
}


def test_a_requirement_becomes_commits_on_a_linear_target(place: Place) -> None:
    file = place.requirement(THREE, verify="test -f a.txt")
    done = place.aidos("run", str(file))
    assert done.returncode == 0, done.stderr
    assert "git merge aidos/work" in done.stdout
    place.assert_laws("work", {"one", "two", "three"})
    place.assert_clean()
    assert place.git("show", "aidos/work:three.txt") == "one\ntwo"
    assert place.git("status", "--porcelain") == ""


def test_running_the_same_file_again_changes_nothing_and_other_content_is_refused(place: Place) -> None:
    file = place.requirement(THREE)
    assert place.aidos("run", str(file)).returncode == 0
    head, events = place.git("rev-parse", "aidos/work"), len(place.journal())
    assert place.aidos("run", str(file)).returncode == 0
    assert place.git("rev-parse", "aidos/work") == head
    new = [event["type"] for event in place.journal()[events:]]
    assert set(new) <= {"scheduler_started"}
    changed = place.requirement({**THREE, "four": {"run": "true"}})
    refused = place.aidos("submit", str(changed), "--json")
    assert refused.returncode == 7
    assert "--revise" in json.loads(refused.stdout)["error"]["message"]


def test_a_task_that_fails_once_is_tried_again_and_a_hopeless_one_fails_its_requirement(place: Place) -> None:
    file = place.requirement(
        {
            "flaky": {"run": 'test "$AIDOS_ATTEMPT" = 2 && echo ok > ok.txt'},
            "hopeless": {"run": "echo the reason is this; exit 3", "retries": 0},
            "after": {"run": "true", "needs": ["hopeless"]},
        }
    )
    done = place.aidos("run", str(file))
    assert done.returncode == 1
    assert "the reason is this" in done.stdout and "output work/hopeless" in done.stdout
    states = {task["id"]: (task["state"], task["attempts"]) for task in place.data("status", "work")["tasks"]}
    assert states == {"flaky": ("done", 2), "hopeless": ("failed", 1), "after": ("skipped", 0)}
    assert place.aidos("output", "work/hopeless").stdout.strip() == "the reason is this"
    place.assert_clean()


def test_a_gate_that_refuses_leaves_the_target_alone(place: Place) -> None:
    file = place.requirement({"bad": {"run": "echo x > bad.txt", "retries": 1}}, verify="test ! -e bad.txt")
    assert place.aidos("run", str(file)).returncode == 1
    assert place.git("branch", "--list", "aidos/work") == ""
    assert place.data("status", "work")["tasks"][0]["attempts"] == 2
    place.assert_clean()


def test_a_task_without_end_is_ended_by_its_time_limit(place: Place) -> None:
    file = place.requirement({"slow": {"run": "sleep 1000", "timeout": "300ms", "retries": 0}})
    assert place.aidos("run", str(file)).returncode == 1
    assert "time limit" in place.data("status", "work")["tasks"][0]["error"]
    place.assert_clean()


def test_a_call_without_end_is_ended_with_its_worker(place: Place) -> None:
    file = place.requirement(
        {
            "endless": {"call": "time:sleep_forever_is_not_there", "retries": 0},
            "slow": {"call": "select:select", "args": {}, "retries": 0},
            "fine": {"call": "platform:machine"},
        }
    )
    assert place.aidos("run", str(file)).returncode == 1
    states = {task["id"]: task["state"] for task in place.data("status", "work")["tasks"]}
    assert states == {"endless": "failed", "slow": "failed", "fine": "done"}


def test_past_its_deadline_a_requirement_fails_with_exit_8(place: Place) -> None:
    file = place.requirement({"slow": {"run": "sleep 1000"}}, deadline="1s")
    assert place.aidos("run", str(file)).returncode == 8
    place.assert_clean()


def test_serial_mode_runs_one_task_at_a_time(place: Place) -> None:
    file = place.requirement(
        {
            name: {"run": f"echo start >> {place.folder}/log; sleep 0.2; echo end >> {place.folder}/log"}
            for name in "abc"
        },
        mode="serial",
    )
    assert place.aidos("run", str(file)).returncode == 0
    assert (place.folder / "log").read_text().split() == ["start", "end"] * 3


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_drain_and_a_later_run_goes_on(place: Place, signum: signal.Signals) -> None:
    file = place.requirement(
        {"one": {"run": "echo 1 > one.txt"}, "two": {"run": "sleep 3; echo 2 > two.txt", "needs": ["one"]}}
    )
    first = place.begin("run", str(file), "--drain", "0.5")
    eventually(lambda: place.event("attempt_started", "two"))
    first.send_signal(signum)
    assert first.wait(60) == 128 + signum
    assert not place.marked()
    assert place.data("status", "work")["live"] is False
    assert place.aidos("run", str(file)).returncode == 0
    place.assert_laws("work", {"one", "two"})
    after = next(task for task in place.data("status", "work")["tasks"] if task["id"] == "two")
    assert after["attempts"] == 2 and after["infra_faults"] == 0
    place.assert_clean()


def test_verbs_while_nothing_runs(place: Place) -> None:
    assert place.aidos("tree", "--json").returncode == 4
    assert place.aidos("status").returncode == 6
    file = place.requirement(THREE)
    accepted = {"id": "work", "accepted": True, "revised": False, "state": "waiting", "running": False}
    assert place.data("submit", str(file)) == accepted
    assert place.data("status", "work")["state"] == "waiting"
    assert place.aidos("status", "nothing").returncode == 6
    assert place.aidos("events", "--requirement", "nothing").returncode == 6
    cancelled = place.data("cancel", "work")
    assert (cancelled["state"], cancelled["running"]) == ("cancelled", False)
    assert place.aidos("cancel", "work").returncode == 0
    assert place.aidos("run", str(file)).returncode == 1
    assert place.aidos("nonsense", "--json").returncode == 2


def test_cancel_ends_what_runs_and_keeps_what_was_merged(place: Place) -> None:
    file = place.requirement({"one": {"run": "echo 1 > one.txt"}, "two": {"run": "sleep 300", "needs": ["one"]}})
    run = place.begin("run", str(file))
    eventually(lambda: place.event("attempt_started", "two"))
    assert place.data("cancel", "work")["id"] == "work"
    assert run.wait(60) == 1
    assert place.data("status", "work")["state"] == "cancelled"
    place.assert_laws("work", {"one"})
    place.assert_clean()


def test_a_users_folders_of_our_names_shadow_nothing(place: Place) -> None:
    for name in ("supervisors", "chaos"):
        (place.folder / name).mkdir()
        (place.folder / name / "__init__.py").write_text("raise SystemExit('shadowed')")
    done = place.aidos("run", str(place.requirement(THREE)))
    assert done.returncode == 0, done.stderr
    (place.folder / "of_the_user.py").write_text("def answer():\n    return 42\n")
    file = place.requirement({"ask": {"call": "of_the_user:answer", "retries": 0}}, "called")
    run = place.begin("run", str(file), PYTHONPATH=str(place.folder))
    assert run.wait(60) == 0, f"PYTHONPATH names the working folder itself\n{place.said()}"


EMBEDDED = """
import sys, threading
from aidos_actors import Runtime
def work():
    with Runtime(state_dir=sys.argv[1], workers=2) as runtime:
        requirement = runtime.submit(sys.argv[2])
        status = runtime.wait(requirement.id, timeout_s=60)
        print(status.state)
        if len(sys.argv) > 3:
            raise RuntimeError("out of the block")
thread = threading.Thread(target=work)  # whoever loaded this file once more would have a second runtime
thread.start()
thread.join()
"""


def test_embedded_in_another_program_from_another_thread_and_left_by_an_exception(place: Place) -> None:
    program = place.folder / "host.py"
    program.write_text(EMBEDDED)
    argv = [sys.executable, str(program), str(place.state), str(place.requirement(THREE)), "raise"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=90)
    assert "done" in done.stdout and "out of the block" in done.stderr
    place.assert_laws("work", {"one", "two", "three"})
    place.assert_clean()


def test_a_killed_host_leaves_no_process_even_while_a_fork_child_of_it_lives(place: Place) -> None:
    program = place.folder / "host.py"
    program.write_text(
        "import os, sys, time; from supervisors import SupervisorError\n"
        "from aidos_actors import Runtime\n"
        "if __name__ == '__main__':\n"
        "    runtime = Runtime(state_dir=sys.argv[1], workers=1)\n"
        "    runtime.submit(sys.argv[2])\n"
        "    if os.fork() == 0:\n"
        "        try: os.environ.clear(); runtime.status('work')\n"
        "        except SupervisorError as error: print(error.code, flush=True)\n"
        "        time.sleep(30); os._exit(0)\n"
        "    time.sleep(60)\n"
    )
    file = place.requirement({"long": {"run": "sleep 77 & sleep 78"}})
    argv = [sys.executable, str(program), str(place.state), str(file)]
    host = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert host.stdout is not None and host.stdout.readline() == "forked\n"
        eventually(lambda: place.event("attempt_started", "long"))
        mine = set(place.marked()) - {host.pid}
        forked = {pid for pid in mine if "host.py" in Path(f"/proc/{pid}/cmdline").read_text()}
        host.kill()
        host.wait()
        eventually(lambda: set(place.marked()) <= forked, 10.0)
    finally:
        os.killpg(host.pid, signal.SIGKILL)
    eventually(lambda: not place.marked(), 10.0)


@pytest.mark.parametrize("repo", ["./shop", None])
def test_what_a_callable_did_is_verified_like_what_a_command_did(place: Place, repo: str | None) -> None:
    tasks = {
        "good": {"call": "os:getpid", "verify": "true"},
        "bad": {"call": "os:getpid", "verify": "echo not good; false", "retries": 1},
    }
    run = place.aidos("run", str(place.requirement(tasks, repo=repo)))
    assert run.returncode == 1 and "not good" in run.stdout, run.stdout
    told = {task["id"]: task for task in place.data("status", "work")["tasks"]}
    assert (told["good"]["state"], told["bad"]["state"], told["bad"]["attempts"]) == ("done", "failed", 2)
    ends = [e["data"] for e in place.journal() if e["type"] == "attempt_ended" and e["task"] == "bad"]
    assert {(end["fault"], end["stage"]) for end in ends} == {("own", "verify")}
    place.assert_clean()

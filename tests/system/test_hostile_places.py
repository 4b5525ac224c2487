"""What a system meets that nobody planned for: frozen and lost ground, closed streams, interrupts at a bad moment."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.conftest import Place, eventually

WORK = {"one": {"run": "sleep 3; echo 1 > one.txt"}, "two": {"run": "echo 2 > two.txt", "needs": ["one"]}}
QUICK = {"one": {"run": "echo 1 > one.txt"}}


def test_a_stopped_guardian_is_woken_so_that_its_run_ends(place: Place) -> None:
    run = place.begin("run", str(place.requirement(WORK)))
    eventually(lambda: place.event("attempt_started", "one"))
    os.kill(place.tree()["guardian_pid"], signal.SIGSTOP)
    assert run.wait(60) == 0, place.said()
    place.assert_clean()


def test_a_state_directory_removed_under_its_owner_ends_it_and_says_so(place: Place) -> None:
    serve = place.begin("serve")
    eventually(place.is_up)
    place.state.rename(place.folder / "moved away")
    assert serve.wait(30) == 1
    assert "removed or replaced" in place.said()
    eventually(lambda: not place.marked())
    run = place.begin("run", str(place.requirement(WORK)))
    eventually(lambda: place.event("attempt_started", "one"))
    shutil.rmtree(place.state, ignore_errors=True)
    assert run.wait(60) == 4
    assert "removed or replaced" in place.said()
    eventually(lambda: not place.marked())


def shell(place: Place, command: str) -> subprocess.CompletedProcess[str]:
    """``command`` by /bin/sh; ``$AIDOS`` is the command line, ``$FILE`` a small requirement."""
    env = {**place.environment(), "FILE": str(place.requirement(QUICK))}
    argv = ["/bin/sh", "-c", command.replace("$AIDOS", f"{shlex.quote(sys.executable)} -m aidos_actors")]
    return subprocess.run(argv, env=env, cwd=place.folder, capture_output=True, text=True, timeout=120)


def test_closed_streams_stop_no_work(place: Place) -> None:
    assert shell(place, '$AIDOS run "$FILE" <&- >&- 2>&-').returncode == 0
    place.assert_laws("work", {"one"})
    place.assert_clean()


def test_nobody_has_to_read_the_progress(place: Place) -> None:
    done = shell(place, '($AIDOS run "$FILE" 2>&1 >out; echo $? >code) | true')
    assert done.stderr == ""
    assert (place.folder / "code").read_text() == "0\n"
    place.assert_clean()


def test_a_reader_that_leaves_and_a_full_disk_are_no_defects(place: Place) -> None:
    place.aidos("submit", str(place.requirement(QUICK)))
    gone = shell(place, "($AIDOS events --json; echo $? >code) | true")
    assert gone.stderr == "" and (place.folder / "code").read_text() == "141\n"
    full = shell(place, "$AIDOS status --json > /dev/full")
    assert full.returncode == 75 and "No space left" in full.stderr and "Traceback" not in full.stderr


def test_an_interrupt_while_the_program_loads_shows_no_stack(place: Place) -> None:
    run = place.begin("run", str(place.requirement(QUICK)))
    loading = Path(f"/proc/{run.pid}/maps")
    eventually(lambda: "pydantic_core" in loading.read_text(), every_s=0.001)
    run.send_signal(signal.SIGINT)
    assert run.wait(60) in (130, -signal.SIGINT)
    assert "Traceback" not in place.said()


def test_a_folder_that_is_gone_is_said_in_a_sentence(place: Place) -> None:
    done = shell(place, "mkdir x; cd x; rmdir ../x; $AIDOS status")
    assert done.returncode == 78 and "Traceback" not in done.stderr


def test_a_task_that_removes_its_own_folder_fails_by_itself(place: Place) -> None:
    task = {"run": 'cd ..; rm -rf "$AIDOS_WORKTREE"', "retries": 1}
    assert place.aidos("run", str(place.requirement({"one": task}))).returncode == 1
    (one,) = place.data("status", "work")["tasks"]
    assert (one["state"], one["attempts"], one["infra_faults"]) == ("failed", 2, 0)
    assert "removed its own working folder" in one["error"]
    place.assert_clean()


STARVED = """
import resource, sys
from supervisors import ActorTree, SupervisorError, SupervisorSpec
if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
    try:
        ActorTree.start(SupervisorSpec(id="root", children=[]), state_dir=sys.argv[1])
    except SupervisorError as error:
        print(error.code)
"""


def test_a_machine_that_lets_no_guardian_start_is_told_at_once(place: Place) -> None:
    program = place.folder / "host.py"
    program.write_text(STARVED)
    argv = [sys.executable, str(program), str(place.state)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.stdout == "start_failed\n", done.stderr


@pytest.mark.parametrize("limit", ["-n 30", "-f 1000"])
def test_limits_that_let_no_system_start_are_named_and_one_that_runs_is_joined(place: Place, limit: str) -> None:
    file = place.requirement(QUICK)

    def limited(verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        argv = ["bash", "-c", f'ulimit {limit}; exec "$@"', "bash", sys.executable, "-m", "aidos_actors", verb, *words]
        return subprocess.run(argv, env=place.environment(), capture_output=True, text=True, timeout=60)

    for done in (limited("run", str(file)), limited("serve")):
        assert done.returncode == 78 and f"ulimit {limit[:2]}" in done.stderr, done.stderr
    place.begin("serve")
    eventually(place.is_up)
    assert limited("run", str(file)).returncode == 0


def test_a_gate_whose_minder_is_killed_is_asked_again_at_no_cost(place: Place) -> None:
    gate = f"test -e {place.folder}/once && exit 0; touch {place.folder}/once; kill -9 $PPID; sleep 60"
    done = place.aidos("run", str(place.requirement({"one": {**QUICK["one"], "retries": 0}}, verify=gate)))
    assert done.returncode == 0, done.stdout
    (one,) = place.data("status", "work")["tasks"]
    assert (one["attempts"], one["infra_faults"]) == (1, 0)
    place.assert_clean()


def test_a_place_that_cannot_be_written_is_told_at_once(place: Place) -> None:
    file = str(place.requirement(QUICK))
    (place.state / "guardian.lock").mkdir(parents=True)
    for words in (["run", file], ["serve"], ["submit", file]):
        done = place.aidos(*words, "--json", timeout_s=30)
        assert done.returncode == 78, words
        assert json.loads(done.stdout)["error"]["message"], words


def test_what_is_known_is_looked_at_again_whatever_became_of_its_repository(place: Place) -> None:
    """Its content is the same, so there is nothing to hand in that would need it."""
    file = place.requirement({"a": {"run": "echo a > b.txt"}})
    assert place.aidos("run", str(file)).returncode == 0
    place.git("checkout", "-q", "aidos/work")
    assert place.here("submit", str(file)).returncode == 0
    away = place.repo.rename(place.folder / "away")
    assert place.aidos("run", str(file)).returncode == 0
    assert place.here("submit", str(file)).returncode == 0
    place.requirement({"a": {"run": "echo other > b.txt"}})
    assert place.here("submit", str(file)).returncode == place.here("run", str(file)).returncode == 3
    away.rename(place.repo)
    place.git("checkout", "-q", "main")
    place.assert_clean()

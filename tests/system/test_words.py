"""A requirement in words: a program of the user's finds its tasks, and real processes carry them out."""

from __future__ import annotations

import json
import os
import signal
import textwrap
import time
from pathlib import Path

import pytest

from tests.system.conftest import Place, eventually

WORDS = "---\nid: notes\nrepo: ./shop\n---\n# Notes\n\nWrite one note for each word: one, two.\n"
PROGRAM = """\
import json, os, pathlib, sys, time
here = pathlib.Path(__file__).parent
words = sys.stdin.read()
with (here / "asked.txt").open("a") as file:
    file.write(os.environ["AIDOS_REQUIREMENT"] + "\\n")
while (here / "hold").exists():
    time.sleep(0.01)
if (here / "fails").exists():
    print("not in the mood", file=sys.stderr)
    sys.exit(int((here / "fails").read_text()))
names = words.rstrip(".\\n").partition(": ")[2].split(", ")
tasks = [{"id": name, "run": f"echo {name} > {name}.txt", "needs": names[:at]} for at, name in enumerate(names)]
print((here / "answer").read_text() if (here / "answer").exists() else json.dumps({"tasks": tasks}))
"""


class Words:
    """A place with a program that finds tasks, and a requirement in words."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.folder = place.folder
        (self.folder / "program.py").write_text(PROGRAM)
        self.file = self.folder / "notes.md"
        self.file.write_text(WORDS)
        self.configure('order = ["document", "command"]')

    def configure(self, head: str, allow: str = '["run"]', more: str = "") -> None:
        text = f"""
            [analysis]
            {head}
            [analysis.command]
            run = "python3 {self.folder}/program.py"
            allow = {allow}
            {more}
        """
        (self.folder / "aidos.toml").write_text(textwrap.dedent(text))

    @property
    def asked(self) -> int:
        """How often the program was started."""
        file = self.folder / "asked.txt"
        return len(file.read_text().splitlines()) if file.exists() else 0


@pytest.fixture
def words(place: Place) -> Words:
    return Words(place)


def test_words_become_commits(words: Words) -> None:
    place = words.place
    assert place.data("plan", str(words.file))["analyzers"] == ["command"]
    assert words.asked == 0, "plan asks nobody"
    assert place.data("submit", str(words.file)) == {
        "id": "notes",
        "accepted": True,
        "revised": False,
        "state": "waiting",
        "running": False,
    }
    done = place.aidos("run", str(words.file))
    assert done.returncode == 0, done.stderr
    assert place.git("show", "aidos/notes:two.txt") == "two"
    recorded = place.event("plan_recorded")
    assert recorded and recorded["data"] == {"tasks": 2, "analyzer": "command"}
    first = place.event("attempt_started")
    assert first and first["seq"] > recorded["seq"]
    assert place.data("submit", str(words.file))["state"] == "done"
    again = words.folder / "again.md"
    again.write_text(WORDS.replace("id: notes", "id: again"))
    assert place.aidos("run", str(again)).returncode == 0
    assert words.asked == 1, "the same words are asked about once"
    place.assert_clean()
    place.assert_laws("notes", {"one", "two"})


def test_a_program_that_is_no_help_fails_the_requirement_with_its_reason(words: Words) -> None:
    place = words.place
    for text, said in (
        ("fails", "exit code 3: not in the mood"),
        ("answer", "key 'verify' is not allowed"),
    ):
        content = {"fails": "3", "answer": json.dumps({"tasks": [{"id": "a", "run": "true", "verify": "true"}]})}[text]
        (words.folder / text).write_text(content)
        words.file.write_text(WORDS.replace("id: notes", f"id: {text}"))
        done = place.aidos("run", str(words.file))
        assert done.returncode == 1 and said in done.stdout, (done.stdout, done.stderr)
        (words.folder / text).unlink()
    assert not place.event("attempt_started")
    assert place.data("retry", "answer")["state"] == "waiting"
    words.file.write_text(WORDS.replace("id: notes", "id: answer"))
    assert place.aidos("run", str(words.file)).returncode == 0, "a retry asks again"


def test_one_that_may_answer_later_is_asked_again_and_is_seen_to_be_degraded(words: Words) -> None:
    place = words.place
    (words.folder / "fails").write_text("75")
    run = place.begin("run", str(words.file))
    held_up = eventually(lambda: place.event("analysis_held_up"))
    assert held_up["data"]["analyzer"] == "command" and "exit code 75" in held_up["data"]["error"]
    status = eventually(lambda: found if (found := place.data("status"))["degraded"] else None)
    assert status["degraded"][0]["path"] == "root/analysis/analyzer"
    assert (
        "ask analyzer command" in status["degraded"][0]["reason"] and "exit code 75" in status["degraded"][0]["reason"]
    )
    assert status["requirements"][0]["state"] == "analysing"
    (words.folder / "fails").unlink()
    assert run.wait(90) == 0
    assert len([each for each in place.journal() if each["type"] == "analysis_held_up"]) == 1, "said once"
    place.assert_clean()


def test_a_plan_that_was_found_is_not_asked_for_again_and_nothing_outlives(words: Words) -> None:
    """The requirement is paused while its program works, so that nobody waits for the answer; then the Analyzer is
    killed. And a program under way ends with the Analyzer, and is asked again."""
    place = words.place
    hold = words.folder / "hold"
    hold.touch()
    run = place.begin("run", str(words.file))
    eventually(lambda: words.asked == 1)
    first = _programs(words.folder)
    place.kill(place.pids()["root/analysis/analyzer"])
    eventually(lambda: not set(first) & set(_programs(words.folder)))
    eventually(lambda: words.asked == 2)
    place.data("pause", "notes")
    hold.unlink()
    eventually(lambda: list((place.state / "analysis" / "plans").glob("*")))
    place.kill(place.pids()["root/analysis/analyzer"])
    hold.touch()
    place.data("resume", "notes")
    assert run.wait(90) == 0
    assert words.asked == 2, "the third time it was kept"
    place.assert_laws("notes", {"one", "two"})


def test_a_stop_ends_the_program_and_the_next_run_goes_on(words: Words) -> None:
    place = words.place
    (words.folder / "hold").touch()
    run = place.begin("run", str(words.file))
    eventually(lambda: words.asked == 1)
    run.send_signal(signal.SIGTERM)
    assert run.wait(60) == 143
    assert not _programs(words.folder)
    (words.folder / "hold").unlink()
    done = place.aidos("run", str(words.file))
    assert done.returncode == 0, done.stderr
    assert words.asked == 2


@pytest.mark.parametrize("end", ["cancel", "deadline"])
def test_a_program_whose_answer_nobody_wants_any_more_is_ended_with_all_it_started(words: Words, end: str) -> None:
    """It ignores being asked to end, and so does what it started. Its time limit is five minutes."""
    place = words.place
    program = words.folder / "program.py"
    stubborn = "import signal, subprocess; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    child = f"subprocess.Popen(['sh', '-c', 'trap \"\" TERM; sleep 300; : {program}'], start_new_session=True)\n"
    program.write_text(stubborn + child + PROGRAM)
    (words.folder / "hold").touch()
    if end == "deadline":
        words.file.write_text(WORDS.replace("repo:", "deadline: 5s\nrepo:"))
    run = place.begin("run", str(words.file))
    eventually(lambda: words.asked == 1)
    eventually(lambda: len(_programs(words.folder)) >= 2)
    if end == "cancel":
        place.data("cancel", "notes")
        cancelled_at = time.monotonic()
    else:
        eventually(lambda: place.event("requirement_failed"))
        cancelled_at = time.monotonic()
    eventually(lambda: not _programs(words.folder))
    assert time.monotonic() - cancelled_at < 2.0, "half a second of grace, and the load of this machine"
    assert run.wait(60) == (1 if end == "cancel" else 8)
    place.assert_clean()


def test_a_program_ends_though_the_scheduler_died_with_the_cancellation_and_a_retry_asks_again(words: Words) -> None:
    place = words.place
    (words.folder / "hold").touch()
    serve = place.begin("serve")
    eventually(lambda: place.aidos("tree").returncode == 0)
    place.data("submit", str(words.file))
    eventually(lambda: words.asked == 1)
    analyzer = place.pids()["root/analysis/analyzer"]
    scheduler = place.pids()["root/scheduling/scheduler"]
    os.kill(analyzer, signal.SIGSTOP)  # it hears of nothing until the Scheduler that said it is dead
    try:
        place.data("cancel", "notes")
        place.kill(scheduler)
        eventually(lambda: place.pids().get("root/scheduling/scheduler") not in (None, scheduler))
    finally:
        os.kill(analyzer, signal.SIGCONT)
    eventually(lambda: not _programs(words.folder))
    assert place.pids()["root/analysis/analyzer"] == analyzer
    (words.folder / "hold").unlink()
    assert place.data("retry", "notes")["state"] in ("waiting", "analysing")
    eventually(lambda: place.data("status", "notes")["state"] == "done")
    assert words.asked == 2
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0


def _programs(folder: Path) -> list[int]:
    """The pids of living programs."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"{folder}/program.py".encode() in (entry / "cmdline").read_bytes():
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                found += [int(entry.name)] if state not in "ZX" else []
        except OSError:
            continue
    return found

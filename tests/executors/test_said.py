"""What callables print goes where it should, whatever they do to their streams."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROCESS = """
import io, os, sys, threading
from pathlib import Path
from aidos_actors.executors import said
said.OUTPUT_BYTES_MAX = 100
said.SAID.catch_prints()
folder = Path(sys.argv[1])
print("before")

def called(name, what):
    said.SAID.begin(lambda: folder / name)
    try:
        what()
    finally:
        said.SAID.end()

def forks():
    threads = [threading.Thread(target=lambda: [print(end="") for _ in range(500)]) for _ in range(2)]
    for each in threads:
        each.start()
    for _ in range(10):
        pid = os.fork()
        if pid == 0:
            print("child", end=" ", file=sys.stderr)
            os._exit(0)
        os.waitpid(pid, 0)
    for each in threads:
        each.join()

called("closes", lambda: (print("a"), sys.stdout.close(), print("b")))
def closes_twice():
    fd = os.open("/dev/null", os.O_WRONLY)
    os.close(fd)
    print("a word")
    try:
        os.close(fd)
    except OSError:
        pass

def twice_into_a_file():
    fd = os.open("/dev/null", os.O_WRONLY)
    os.close(fd)
    print("first")
    mine = os.open(folder / "mine", os.O_WRONLY | os.O_CREAT)
    os.write(mine, b"mine")
    print("second")
    os.close(mine)

KEPT = []
WAYS = {
    "closed": lambda: sys.stdout.close(),
    "both": lambda: (sys.stdout.close(), sys.stderr.close()),
    "detached": lambda: KEPT.append(sys.stdout.detach()),
    "none": lambda: setattr(sys, "stdout", None),
    "wrapped": lambda: setattr(sys, "stdout", io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")),
    "held back": lambda: (sys.stdout.reconfigure(write_through=False), print("late", end="")),
    "elsewhere": lambda: setattr(sys, "stdout", io.StringIO()),
    "descriptors": lambda: (print("x"), os.closerange(500, 600)),
}
for way, do in WAYS.items():
    called("culprit " + way, lambda: (print("before"), do()))
    called("mate of " + way, lambda: (print("out"), print("err", file=sys.stderr)))
called("twice", closes_twice)
called("into a file", twice_into_a_file)
called("whole", lambda: print("y" * 300))
called("odd", lambda: print("half \\ud800, whole \u78c1"))
called("much", lambda: [print("x" * 30) for _ in range(10)])
called("mute", lambda: None)
called("forks", forks)
print("after", file=sys.stderr)
os.write(1, b"raw\\n")
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("said")
    words = [sys.executable, "-c", PROCESS, str(folder)]
    return folder, subprocess.run(words, capture_output=True, text=True, timeout=60)


def test_nothing_goes_to_standard_output_and_what_is_of_no_callable_to_errors(said) -> None:
    _, done = said
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr.splitlines() == ["before", "after", "raw"]


def test_each_callable_has_its_own_words_whatever_the_one_before_did_to_the_stream(said) -> None:
    folder, _ = said
    assert (folder / "closes").read_text() == "a\nb\n"
    assert (folder / "odd").read_text() == "half \\ud800, whole \u78c1\n"
    assert not (folder / "mute").exists()


@pytest.mark.parametrize(
    "way", ["closed", "both", "detached", "none", "wrapped", "held back", "elsewhere", "descriptors"]
)
def test_whatever_one_does_to_the_streams_the_next_one_finds_them_whole(said, way: str) -> None:
    folder, _ = said
    assert (folder / f"mate of {way}").read_text() == "out\nerr\n"
    assert (folder / f"culprit {way}").read_text().startswith("before\n")
    assert (folder / "culprit held back").read_text() == "before\nlate"


def test_a_descriptor_closed_twice_is_nobody_elses(said) -> None:
    folder, _ = said
    assert (folder / "twice").read_text() == "a word\n"
    assert (folder / "mine").read_text() == "mine"
    assert (folder / "into a file").read_text() == "first\nsecond\n"


def test_there_is_an_end_to_it(said) -> None:
    folder, _ = said
    text = (folder / "much").read_text()
    assert text.startswith("x" * 30) and text.count("cut off") == 1 and len(text) < 200
    whole = (folder / "whole").read_text()
    assert whole.startswith("y" * 100) and "cut off" in whole and len(whole) < 200, "the beginning of one large word"


def test_fork_children_print_whatever_other_threads_did_in_that_moment(said) -> None:
    folder, _ = said
    assert (folder / "forks").read_text().count("child") == 10

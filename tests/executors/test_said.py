"""What callables print goes where it should, whatever they do to their streams."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROCESS = """
import os, sys, threading
from pathlib import Path
from aidos_actors.executors import said
said.OUTPUT_BYTES_MAX = 100
said.catch_prints()
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


def test_there_is_an_end_to_it(said) -> None:
    folder, _ = said
    text = (folder / "much").read_text()
    assert text.startswith("x" * 30) and text.count("cut off") == 1 and len(text) < 200


def test_fork_children_print_whatever_other_threads_did_in_that_moment(said) -> None:
    folder, _ = said
    assert (folder / "forks").read_text().count("child") == 10

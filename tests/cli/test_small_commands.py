"""A command imports only what its verb uses: most of what a person waits for would else be imports."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisors import frames, premises

HEAVY = {
    "alembic",
    "asyncio",
    "loguru",
    "psutil",
    "pydantic_settings",
    "rich",
    "sqlalchemy",
    "starlette",
    "thespian",
    "aidos_actors.actors.scheduler",
    "aidos_actors.core.board.board",
    "aidos_actors.executors",
    "supervisors.strategy",
    "supervisors.specs",
}
READING = {"pydantic", "yaml", "aidos_actors.core.requirement"}
REQUIREMENT = "id: work\ntasks: {a: {run: 'true'}}\n"
ANSWER = {
    "requirements": [],
    "id": "work",
    "title": "work",
    "progress": {"done": 0, "total": 0},
    "revised": False,
    "accepted": True,
    "running": True,
    "state": "waiting",
    "tasks": [],
    "degraded": None,
}
PROGRAM = """
import sys
from aidos_actors.cli.app import run_command_line
code = run_command_line(sys.argv[1:])
print(code, *sys.modules, file=sys.stderr)
"""


def imported_by(*words: str, folder: Path) -> tuple[int, set[str]]:
    """The exit code of a command, and all modules of its process."""
    argv = [sys.executable, "-c", PROGRAM, *words]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=60)
    code, *modules = done.stderr.splitlines()[-1].split()
    return int(code), set(modules)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state directory with an owner, behind whose door each call gets ``ANSWER``."""
    state = tmp_path / "state"
    state.mkdir()
    lock = premises.lock(state)
    assert isinstance(lock, int)
    with premises.bind(state) as listener:
        threading.Thread(target=_answer_all, args=(listener,), daemon=True).start()
        yield state
        listener.shutdown(socket.SHUT_RDWR)


def _answer_all(listener: socket.socket) -> None:
    while True:
        try:
            link, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(link,), daemon=True).start()


def _answer(link: socket.socket) -> None:
    with link:
        frames.read(link, trusted=False)
        link.sendall(frames.encode({"protocol": frames.PROTOCOL}, trusted=False))
        while (call := frames.read(link, trusted=False)) is not None:
            node = {"node": {"path": "root", "degraded": None}, "children": []}
            value = node if call["verb"] == "tree" else {"value": ANSWER}
            link.sendall(frames.encode({"id": call["id"], "ok": True, "value": value}, trusted=False))


def test_version(tmp_path: Path) -> None:
    code, modules = imported_by("version", folder=tmp_path)
    assert (code, modules & (HEAVY | READING)) == (0, set())


def test_plan(tmp_path: Path) -> None:
    (tmp_path / "work.yaml").write_text(REQUIREMENT)
    code, modules = imported_by("plan", "work.yaml", folder=tmp_path)
    assert (code, modules & HEAVY) == (0, set())
    assert modules >= READING, "this test does not see what is imported"


def test_submit_to_a_running_system(tmp_path: Path, state: Path) -> None:
    (tmp_path / "work.yaml").write_text(REQUIREMENT)
    code, modules = imported_by("submit", "work.yaml", "--state", str(state), folder=tmp_path)
    assert (code, modules & HEAVY) == (0, set())


@pytest.mark.parametrize("words", [("status",), ("status", "work"), ("tasks", "work"), ("pause", "work")], ids=" ".join)
def test_verbs_that_ask_a_running_system(tmp_path: Path, state: Path, words: tuple[str, ...]) -> None:
    code, modules = imported_by(*words, "--state", str(state), folder=tmp_path)
    assert (code, modules & (HEAVY | READING)) == (0, set())


def test_where_there_is_nothing(tmp_path: Path) -> None:
    code, modules = imported_by("status", "--state", "none", folder=tmp_path)
    assert (code, modules & (HEAVY | READING)) == (6, set())


def test_what_names_the_tree_is_smaller_than_the_tree(tmp_path: Path) -> None:
    """``run`` and ``serve`` describe the actors; what these work with is imported where they live."""
    program = "import sys; import aidos_actors.runtime; print(0, *sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    modules = set(done.stderr.split())
    assert modules & {"sqlalchemy", "alembic", "thespian", "loguru", "asyncio", "psutil"} == set()

"""The small programs do what they say, run as a stranger would: as a copied file, in an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SQUARES = "[0, 1, 4, 9, 16, 25, 36, 49, 64, 81]"


@pytest.mark.parametrize(
    ("name", "words", "lines"),
    [
        ("hello.py", [], ["Hello, world!", "Hello, again! (killed once, and back)"]),
        ("worker_pool.py", [], [SQUARES, "1 worker died: abnormal (SIGABRT)"]),
        (
            "pipeline.py",
            [],
            [
                "before the crash: [('to', 1), ('be', 1), ('or', 1), ('not', 1), ('to', 2), ('be', 2)]",
                "after the crash: [('to', 1), ('be', 1)]",
                "started anew: ['counter', 'printer']",
            ],
        ),
        (
            "web_app.py",
            ["--try"],
            [
                "/ 200 OK: visit 1",
                "/crash 500 Internal Server Error: abnormal (RuntimeError: told to crash)",
                "/ 200 OK: visit 1",
            ],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_example_says_what_it_does(name: str, words: list[str], lines: list[str], tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / name, tmp_path)
    env = {key: value for key, value in os.environ.items() if not key.startswith(("AIDOS_", "PYTEST", "PYTHONPATH"))}
    env["TMPDIR"] = str(tmp_path)
    run = [sys.executable, name, *words]
    done = subprocess.run(run, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.splitlines() == lines, done.stdout + done.stderr
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == [name], "it leaves nothing behind"

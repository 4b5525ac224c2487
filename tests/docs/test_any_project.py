"""The example that works on a copy of any project: on one made here, with few tasks and a kill."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_a_project_nobody_here_made_is_worked_on_and_left_as_it_was(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "README.md").write_text("A project\n")
    identity = ["-c", "user.name=Someone", "-c", "user.email=someone@localhost"]
    for words in (["init", "-q", "-b", "trunk"], ["add", "-A"], [*identity, "commit", "-q", "-m", "Begin"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    command = [sys.executable, str(EXAMPLES / "any_project.py"), str(project)]
    more = ["--tasks", "6", "--kills", "2", "--seed", "5", "--gate", "test -f README.md"]
    done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 tasks done, 6 commits, lost 0, doubled 0" in done.stdout
    heads = subprocess.run(["git", "for-each-ref"], cwd=project, capture_output=True, text=True, check=True).stdout
    assert len(heads.splitlines()) == 1

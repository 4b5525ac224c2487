"""The main job on input nobody made for it: a clone of this project's own repository, left green."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_project_works_on_a_clone_of_itself(tmp_path: Path) -> None:
    clone = tmp_path / "aidos-actors"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    argv = [sys.executable, "-m", "aidos_actors", "run", "aidos-actors/examples/dogfood.yaml", "--state", "state"]
    done = subprocess.run(argv, cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    tasks = subprocess.run(
        ["git", "log", "--format=%(trailers:key=Aidos-Task,valueonly,separator=)", "HEAD..aidos/dogfood"],
        cwd=clone,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "cli-reference" in tasks and len(tasks) == len(set(tasks)) <= 3
    subprocess.run(["git", "fsck"], cwd=clone, check=True, capture_output=True)
    shown = ["git", "show", "aidos/dogfood:docs/cli.md"]
    text = subprocess.run(shown, cwd=clone, capture_output=True, text=True, check=True).stdout
    assert "aidos run" in text and "--drain" in text

"""The durable counter does what it says, and counts on where it stopped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "durable_counter.py"


def run(state_dir: Path) -> list[str]:
    done = subprocess.run([sys.executable, EXAMPLE, state_dir], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_the_durable_counter_survives_kill_9_and_its_own_end(tmp_path: Path) -> None:
    assert run(tmp_path / "state")[-1] == "counted from 0 to 10, killed 5 times"
    said = run(tmp_path / "state")
    assert said[0] == "step 11: the counter says 11"
    assert said[-1] == "counted from 10 to 20, killed 5 times"

"""A supervised process in Erlang, killed and asked again, when Erlang is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

TIME_LIMIT_S = 120


def restarts_ms(kills: int, program: Path) -> list[float] | str:
    """Milliseconds from each kill to the replacement's answer, or why there are none."""
    erl = shutil.which("erl")
    if erl is None:
        return "no erl on the PATH"
    module = program.stem
    said = f'{{ok, _}} = compile:file("{program.name}"), {module}:run({kills}), halt(0).'
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(program, folder)
        run = [erl, "-noshell", "-eval", said]
        try:
            done = subprocess.run(run, cwd=folder, capture_output=True, text=True, timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            return f"erl had not ended after {TIME_LIMIT_S} s"
    if done.returncode:
        return f"erl failed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}"
    return [float(line) for line in done.stdout.split()]

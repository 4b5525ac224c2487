"""With the network cut: in a network namespace of its own, where there is nothing but its own loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CUT = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
SET_FLAGS, UP_AND_LOOPBACK = 0x8914, 0x9
BEHIND = f"""
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, {SET_FLAGS}, struct.pack("16sH14x", b"lo", {UP_AND_LOOPBACK}))
try:
    socket.create_connection(("192.0.2.1", 80), 5)
except OSError as error:
    assert "unreachable" in str(error), error
else:
    sys.exit("there is a network")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def can_cut() -> bool:
    return shutil.which("unshare") is not None and subprocess.run([*CUT, "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not can_cut(), reason="no network namespace can be made here")
def test_words_become_commits_by_a_model_on_this_machine() -> None:
    test = "tests/system/test_llm.py::test_words_become_commits_and_nothing_is_asked_while_nothing_changes"
    words = [*CUT, sys.executable, "-c", BEHIND, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(words, cwd=ROOT, env=own, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr

"""A launch that the machine spoils is tried again; one that cannot work is refused at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from supervisors import ActorTree, ChildSpec, SupervisorSpec, boot
from supervisors.linux import children, descendants
from tests.supervisors.actors_for_tests import Obedient
from tests.supervisors.hasty_guardian import in_place_of_the_real_one
from tests.supervisors.test_template import title_of


def test_a_launcher_killed_during_the_first_start_is_replaced(tmp_path: Path) -> None:
    killed: list[int] = []

    def kill_the_first_launcher() -> None:
        until = time.monotonic() + 10
        while time.monotonic() < until and not killed:
            for guardian in children(os.getpid()):
                for launcher in children(guardian):
                    if b"launcher" in Path(f"/proc/{launcher}/cmdline").read_bytes():
                        os.kill(launcher, signal.SIGKILL)
                        killed.append(launcher)
                        return

    thread = threading.Thread(target=kill_the_first_launcher)
    thread.start()
    spec = SupervisorSpec(id="root", children=(ChildSpec(id="a", actor=Obedient),))
    with ActorTree.start(spec, state_dir=tmp_path) as tree:
        thread.join()
        assert killed and tree.ask("a", 1) == (1, None)
        assert tree.pids["launcher"] != killed[0]


HELD = """
import time
from pathlib import Path

hold = Path(__file__).with_name("hold")
if hold.exists():
    hold.unlink()
    time.sleep(600)
"""


def test_a_start_that_took_too_long_leaves_no_launcher_that_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The template still imported when the limit was over: it is ended, and with it the order that it had not read."""
    monkeypatch.setattr(boot, "command", in_place_of_the_real_one(boot.command))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "held_once.py").write_text(HELD)
    (tmp_path / "hold").touch()
    child = ChildSpec(id="a", actor=Obedient)
    spec = SupervisorSpec(id="root", children=(child,), preload=("held_once",))
    with ActorTree.start(spec, state_dir=tmp_path / "state", title="late") as tree:
        assert tree.heals == 1 and tree.ask("a", 1) == (1, None)
        below = descendants(tree.pids["guardian"])
        titles = sorted(" ".join(title_of(pid).split()[:2]) for pid in below)
        system = {tree.pids[name] for name in ("launcher", "admin", "logger", "root")}
        assert len(below) == 7 and system < set(below)
        assert [title for title in titles if title.startswith("late")] == [
            "late guardian",  # the watchman
            "late launcher",
            "late logger",
            "late root",
            "late root/a",
            "late template",
        ]

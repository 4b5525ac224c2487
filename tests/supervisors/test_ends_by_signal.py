"""A signal that ends a process is no normal end, whoever sent it; and one that only tells of a failed write is none."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path
from typing import Any

import pytest

from supervisors import ActorTree, ChildSpec, ManagedActor, Restart, SupervisorSpec
from supervisors.testing import Puppet, eventually

ENDING = (signal.SIGTERM, signal.SIGQUIT, signal.SIGABRT, signal.SIGSEGV)


class Writer(ManagedActor):
    """Writes to the file it is told, which may not grow, and replies what came of it."""

    def receive(self, message: Any, sender: str | None) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        try:
            Path(message).write_text("more")
        except OSError as error:
            self.reply(type(error).__name__)
        else:
            self.reply("written")


def test_a_file_over_the_limit_of_the_process_is_an_error_and_no_signal(tmp_path: Path) -> None:
    spec = SupervisorSpec(id="root", children=[ChildSpec("a", Writer)])
    with ActorTree.start(spec, state_dir=tmp_path / "state") as tree:
        assert tree.ask("a", str(tmp_path / "file"), timeout_s=20.0) == "OSError"


def test_a_transient_child_that_was_ended_by_a_signal_comes_back(tmp_path: Path) -> None:
    children = [Puppet.child_spec(id=each.name, restart=Restart.TRANSIENT) for each in ENDING]
    spec = SupervisorSpec(id="root", children=children, max_restarts=len(ENDING))
    with ActorTree.start(spec, state_dir=tmp_path / "state") as tree:
        before = {info.id: info.pid for info in tree.which_children("root")}
        for each in ENDING:
            os.kill(before[each.name] or 0, each)
        eventually(lambda: all(info.restarts and info.pid for info in tree.which_children("root")))
        for info in tree.which_children("root"):
            assert info.last_exit is not None
            assert (info.last_exit.kind, info.last_exit.detail) == ("abnormal", info.id)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGHUP])
def test_what_a_terminal_sends_to_all_of_its_processes_ends_no_actor(signum: signal.Signals, tmp_path: Path) -> None:
    spec = SupervisorSpec(id="root", children=[Puppet.child_spec(id="a")])
    with ActorTree.start(spec, state_dir=tmp_path / "state") as tree:
        before = tree.which_children("root")[0].pid
        os.kill(before or 0, signum)
        assert tree.ask("a", ("reply", 1)) == 1
        assert tree.which_children("root")[0].pid == before

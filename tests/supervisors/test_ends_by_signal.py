"""A signal that ends a process is no normal end, whoever sent it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from supervisors import ActorTree, Restart, SupervisorSpec
from supervisors.testing import Puppet, eventually

ENDING = (signal.SIGTERM, signal.SIGQUIT, signal.SIGABRT, signal.SIGSEGV)


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

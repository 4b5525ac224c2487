"""Processes have titles, and can still be told by their environment: what looks for leftovers relies on it."""

from __future__ import annotations

import os
from pathlib import Path

from supervisors import ActorTree, ChildSpec, SupervisorSpec
from supervisors.testing import Puppet
from tests.conftest import MARK_VARIABLE


def test_every_process_of_a_tree_can_be_told_by_its_environment(tmp_path: Path) -> None:
    wanted = f"{MARK_VARIABLE}={os.environ[MARK_VARIABLE]}".encode()
    inner = SupervisorSpec(id="a_rather_long_name_for_a_supervisor", children=(ChildSpec(id="leaf", actor=Puppet),))
    with ActorTree.start(SupervisorSpec(id="root", children=(inner,)), state_dir=tmp_path) as tree:
        leaf = tree.which_children("a_rather_long_name_for_a_supervisor")[0].pid
        pids = {**tree._call("ping", "", {})["pids"], "leaf": leaf, "inner": tree.which_children("root")[0].pid}
        for role, pid in pids.items():
            assert wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"), role
        title = Path(f"/proc/{leaf}/cmdline").read_bytes().rstrip(b"\0").decode()
        assert title.endswith("root/a_rather_long_name_for_a_supervisor/leaf")

"""Programs that hold a tree: forked, read from standard input, with a deep folder or one that is taken, with classes
that cannot travel, and with all the time there is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from supervisors import ActorTree, ChildSpec, SupervisorError
from tests.supervisors.actors_for_tests import Obedient
from tests.supervisors.real_trees import child, root, start


def test_a_second_tree_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with start(tmp_path, child("a", tmp_path)), pytest.raises(SupervisorError) as refused:
        start(tmp_path, child("a", tmp_path))
    assert refused.value.code == "already_started"


def test_a_fork_child_of_the_host_is_refused(tmp_path: Path) -> None:
    with start(tmp_path, child("a", tmp_path)) as tree:
        pid = os.fork()
        if pid == 0:
            try:
                tree.ask("a", 1)
            except SupervisorError as error:
                os._exit(17 if error.code == "forked" else 1)
            os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 17


def test_a_wait_may_be_longer_than_any_clock_counts(tmp_path: Path) -> None:
    with start(tmp_path, child("a", tmp_path)) as running:
        for timeout_s in (1e12, float("inf")):
            assert running.ask("a", "pid", timeout_s) == running.which_children("root")[0].pid
        waiting = Thread(target=running.wait_until_stopped, args=(float("inf"),))
        waiting.start()
    waiting.join(10.0)
    assert not waiting.is_alive()


def test_what_cannot_travel_is_refused_before_anything_starts(tmp_path: Path) -> None:
    class Local(Obedient):
        pass

    with pytest.raises(SupervisorError) as refused:
        start(tmp_path, ChildSpec(id="x", actor=Local))
    assert refused.value.code == "not_importable"
    with pytest.raises(SupervisorError) as refused:
        start(tmp_path, ChildSpec(id="x", actor=Obedient, args={"f": lambda: None}))
    assert refused.value.code == "not_picklable"


ON_STDIN = """
import sys, tempfile
from supervisors import ActorTree, ChildSpec, ManagedActor, SupervisorError, SupervisorSpec
from supervisors.testing import Puppet

class Here(ManagedActor): pass
class Word: pass

def code(what):
    try:
        return what()
    except SupervisorError as error:
        return error.code

here = SupervisorSpec(id="root", children=[ChildSpec(id="h", actor=Here)])
with tempfile.TemporaryDirectory() as folder:
    print(code(lambda: ActorTree.start(here, state_dir=folder)))
    with ActorTree.start(SupervisorSpec(id="root", children=[Puppet.child_spec(id="p")]), state_dir=folder) as tree:
        print(code(lambda: tree.ask("p", ("reply", 7))), code(lambda: tree.ask("p", Word())))
        print(code(lambda: tree.start_child("root", Puppet.child_spec(args={"word": Word()}))))
        print(code(lambda: tree.ask("p", ("reply", 8))))
"""


def test_a_program_on_stdin_may_hold_a_tree_but_not_its_classes() -> None:
    done = subprocess.run([sys.executable, "-"], input=ON_STDIN, capture_output=True, text=True, timeout=120)
    said = "not_importable 7 not_picklable not_picklable 8"
    assert done.stdout.split() == said.split() and done.returncode == 0, done.stderr


def test_a_deep_state_directory(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90) / ("e" * 90)
    with ActorTree.start(root(child("a", tmp_path)), state_dir=deep) as tree:
        assert tree.ask("a", 1) == (1, None)

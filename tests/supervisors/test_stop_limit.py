"""How long a stop may take: what the specs allow, and two minutes more; here the two minutes are a second."""

from __future__ import annotations

import math
import os
import signal
import threading
from pathlib import Path

import pytest

from supervisors import ActorTree, ChildSpec, Strategy, SupervisorSpec, boot
from supervisors.linux import descendants, is_alive, start_ticks
from supervisors.testing import HANG_S, Puppet, SimulatedTree
from tests.supervisors.hasty_guardian import in_place_of_the_real_one
from tests.supervisors.test_guardian import eventually


def puppet(book: Path, shutdown: float | str, name: str = "p") -> ChildSpec:
    """Its last handler takes ``HANG_S`` seconds."""
    args = {"name": name, "book": str(book), "stops": "hang"}
    return ChildSpec(id=name, actor=Puppet, args=args, shutdown=shutdown)


def stopping(tree: ActorTree) -> threading.Thread:
    thread = threading.Thread(target=tree.stop)
    thread.start()
    return thread


def test_what_a_tree_may_take_is_what_its_children_may_take_one_after_the_other(tmp_path: Path) -> None:
    pool = SupervisorSpec(id="pool", strategy=Strategy.DYNAMIC, children=(puppet(tmp_path, 7),), initial=9)
    last = puppet(tmp_path, "kill", "last")
    tree = SupervisorSpec(id="root", children=(puppet(tmp_path, 2.5), pool, last))
    assert tree.stop_s == 9.5
    patient = SupervisorSpec(id="root", children=(tree, puppet(tmp_path, "infinity")))
    assert patient.stop_s == math.inf


@pytest.mark.parametrize("added", [False, True])
def test_for_ever_is_longer_than_any_limit_and_a_second_stop_forces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, added: bool
) -> None:
    """Beside it a tree whose inner supervisor is held by a signal, and by its spec could have stopped at once: it is
    ended by force when the time is over."""
    monkeypatch.setattr(boot, "command", in_place_of_the_real_one(boot.command))
    book = tmp_path / "book"
    patient = puppet(book, "infinity")
    inner = SupervisorSpec(id="inner", children=(puppet(tmp_path / "other", "kill"),))
    first = SupervisorSpec(id="root", children=() if added else (patient,))
    with (
        ActorTree.start(first, state_dir=tmp_path / "a") as waits,
        ActorTree.start(SupervisorSpec(id="root", children=(inner,)), state_dir=tmp_path / "b") as held,
    ):
        if added:
            waits.start_child("root", patient)
        below = {pid: start_ticks(pid) for pid in descendants(waits.pids["launcher"])}  # the watchman is renewed
        pid = held.which_children("root")[0].pid
        assert pid is not None
        thread = stopping(waits)
        eventually(lambda: "stop p" in book.read_text())
        os.kill(pid, signal.SIGSTOP)
        held.stop()
        assert "longer than 1 s" in held.wait_until_stopped(0).detail
        assert thread.is_alive() and all(is_alive(each, ticks) for each, ticks in below.items() if ticks is not None)
        waits.stop()
        thread.join(10)
        assert not thread.is_alive() and waits.wait_until_stopped(0).detail == "forced"
        assert not any(is_alive(each, ticks) for each, ticks in below.items() if ticks is not None)


def test_in_virtual_time_a_child_has_for_ever_to_stop(tmp_path: Path) -> None:
    for shutdown, lasts_s in (("infinity", HANG_S), (200.0, 200.0)):
        tree = SimulatedTree.start(SupervisorSpec(id="root", children=(puppet(tmp_path / "book", shutdown),)))
        began_at = tree.now()
        tree.stop()
        assert lasts_s <= tree.now() - began_at < lasts_s + 10
        assert tree.wait_until_stopped(0).detail == "stopped"

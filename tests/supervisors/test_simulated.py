"""The simulated system: the same shells, in virtual time, the same each time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from supervisors import ChildSpec, ManagedActor, SupervisorError
from supervisors.messages import JobDone
from supervisors.testing import Faults, SimulatedTree, eventually
from tests.supervisors.busy_tree import busy_tree, puppet, root

ROOT = Path(__file__).resolve().parents[2]


def story(seed: int) -> list[str]:
    """A life with some trouble in it, told by its trace."""
    with busy_tree(seed, Faults(kill=0.002, spared=frozenset({"root"}))) as tree:
        for number in range(40):
            try:
                tree.tell("a", ("send", "b", number))
                tree.tell("b", ("send", "c", number))
            except SupervisorError as error:
                assert error.code in ("restarting", "not_found")
            tree.sleep(0.05)
        tree.kill("sub")
        tree.sleep(10)
        assert set(tree.living()) == {"root", "root/a", "root/sub", "root/sub/b", "root/sub/c"}
    return tree.trace


def test_the_same_seed_gives_the_same_trace_and_another_seed_another() -> None:
    assert story(3) == story(3) != story(4)


def test_the_trace_does_not_depend_on_the_interpreters_hash_seed() -> None:
    program = "from tests.supervisors.test_simulated import story; print('\\n'.join(story(3)))"
    told = {
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1 and len(told.pop()) > 1000


def test_quiet_stretches_are_jumped_over() -> None:
    before = time.monotonic()
    with busy_tree(0) as tree:
        tree.sleep(30 * 24 * 3600.0)
        assert tree.now() >= 30 * 24 * 3600 and tree.ask("a", ("reply", 1)) == 1
    assert time.monotonic() - before < 24 * 3600


def test_a_killed_process_runs_no_hook_and_its_reason_is_killed(tmp_path: Path) -> None:
    book = tmp_path / "book"
    with SimulatedTree.start(root(puppet("a", args={"book": str(book)}))) as tree:
        tree.kill("a")
        eventually(lambda: tree.which_children("root")[0].last_exit, clock=tree)
        (info,) = tree.which_children("root")
        assert info.last_exit is not None and info.last_exit.kind == "killed"
        assert book.read_text().splitlines() == ["start a", "start a"]
    assert book.read_text().splitlines()[-1] == "stop a"


def test_what_lives_below_a_killed_supervisor_dies_with_it() -> None:
    with busy_tree(0) as tree:
        before = tree.living()
        tree.kill("sub")
        assert set(tree.living()) == {"root", "root/a"}
        eventually(lambda: "root/sub/c" in tree.living(), clock=tree)
        after = tree.living()
        assert after["root/a"] == before["root/a"] and after["root/sub/b"] != before["root/sub/b"]


class Noter(ManagedActor):
    """Keeps what comes, with its sender."""

    def on_start(self) -> None:
        self.got: list[tuple[str | None, Any]] = []

    def receive(self, message: Any, sender: str | None) -> None:
        if message == "got":
            self.reply(list(self.got))
        else:
            self.got.append((sender, message))


@pytest.mark.parametrize("faults", [Faults(delay_s=(0.0, 0.5)), Faults(delay_s=(0.0, 0.01), lose=0.3)])
def test_each_pair_keeps_its_order_and_different_pairs_overtake_one_another(faults: Faults) -> None:
    """Also when the machine loses messages: what is not acknowledged is sent again, and handled once."""
    senders = [puppet("x"), puppet("y")]
    overtook = False
    for seed in range(5):
        with SimulatedTree.start(root(ChildSpec(id="n", actor=Noter), *senders), seed=seed, faults=faults) as tree:
            for number in range(20):
                tree.tell("x", ("send", "n", number))
                tree.tell("y", ("send", "n", number))
            got = eventually(lambda: len(all_got := tree.ask("n", "got")) == 40 and all_got, 2000, clock=tree)
            for sender in ("root/x", "root/y"):
                assert [number for who, number in got if who == sender] == list(range(20))
            overtook = overtook or [who for who, _ in got] != ["root/x", "root/y"] * 20
    assert overtook


def test_what_is_on_its_way_to_the_dead_is_lost() -> None:
    with busy_tree(0, Faults(delay_s=(0.01, 0.01), reuse=0.0)) as tree:
        tree.ask("a", ("reply", 1))
        address = tree._process("a")._address
        tree._send(address, "anything")
        tree.kill("a")
        tree.sleep(1)
        assert any(f"lost str to {address.number}" in line for line in tree.trace)


def test_addresses_are_used_again_and_nobody_is_taken_for_another() -> None:
    with SimulatedTree.start(root(puppet("a"), puppet("b")), faults=Faults(reuse=1.0)) as tree:
        homes = set()
        for number in range(20):
            tree.kill("a")
            eventually(lambda: tree.ask("a", ("reply", 1)), clock=tree)
            homes.add(tree._process("a")._address)
            tree.tell("b", ("send", "a", number))
            eventually(lambda n=number: tree.ask("a", "kept") == [n], clock=tree)
        assert len(homes) <= 2


def test_chance_kills_between_any_two_effects_and_the_tree_comes_through() -> None:
    struck = set()
    for seed in range(30):
        with busy_tree(seed) as tree:
            tree.machine.faults = Faults(kill=0.05, kills_max=6)
            tree.kill("c")
            tree.sleep(60)
            eventually(lambda: tree.ask("c", ("reply", 1)), clock=tree)
            struck |= {line.partition("before ")[2].split()[0] for line in tree.trace if " struck " in line}
    assert {"post", "spawn", "started"} <= struck


def test_a_hanging_handler_makes_the_others_wait_and_ends_by_force() -> None:
    with SimulatedTree.start(root(puppet("a", shutdown=2.0))) as tree:
        before = tree.now()
        assert tree.ask("a", ("hang", 3.0), timeout_s=10) == "done" and tree.now() - before >= 3.0
        with pytest.raises(SupervisorError, match="timeout"):
            tree.ask("a", ("hang", 1000.0), timeout_s=1)
        with pytest.raises(SupervisorError, match="timeout"):
            tree.ask("a", ("reply", 1), timeout_s=1)
        at = tree.now()
        tree.terminate_child("root", "a")
        assert 2.0 <= tree.now() - at < 2.1
        last = tree.which_children("root")[0].last_exit
        assert last is not None and last.kind == "killed" and "did not stop" in last.detail


def test_a_frozen_process_handles_nothing_until_it_thaws() -> None:
    with SimulatedTree.start(root(puppet("a"))) as tree:
        tree.freeze("a")
        with pytest.raises(SupervisorError, match="timeout"):
            tree.ask("a", ("reply", 1), timeout_s=60)
        tree.thaw("a")
        assert tree.ask("a", ("reply", 2)) == 2


class Worker(ManagedActor):
    """Starts jobs; answers with their outcomes."""

    def on_start(self) -> None:
        self.done: list[Any] = []

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case ("do", job, divisor):
                self.start_job(job, lambda: 12 // divisor)
                self.start_job(job, lambda: "a second one of the same name")
            case JobDone(job, value, error):
                self.done.append((job, value if error is None else type(error).__name__))
            case "done":
                self.reply(list(self.done))


def test_jobs_take_time_beside_the_mailbox_and_end_with_their_process() -> None:
    with SimulatedTree.start(root(ChildSpec(id="w", actor=Worker)), faults=Faults(job_s=(5.0, 5.0))) as tree:
        tree.tell("w", ("do", "good", 3))
        tree.tell("w", ("do", "bad", 0))
        assert tree.ask("w", "done") == []
        tree.sleep(6)
        assert sorted(tree.ask("w", "done")) == [("bad", "ZeroDivisionError"), ("good", 4)]
        tree.tell("w", ("do", "lost", 1))
        tree.ask("w", "done")
        tree.kill("w")
        tree.sleep(20)
        assert tree.ask("w", "done") == []


def test_a_failed_start_leaves_nothing_and_says_why() -> None:
    with pytest.raises(SupervisorError) as failed:
        SimulatedTree.start(root(puppet("good"), puppet("bad", args={"starts": ("raise",)})))
    assert failed.value.code == "start_failed" and failed.value.child == "bad"
    assert "ValueError: cannot start" in failed.value.cause and "on_start" in failed.value.stack


def test_a_message_that_does_not_travel_is_refused_as_by_real_processes() -> None:
    with SimulatedTree.start(root(puppet("a"))) as tree, pytest.raises(SupervisorError, match="not_picklable"):
        tree.ask("a", lambda: None)


def test_two_receivers_of_one_message_do_not_share_it() -> None:
    with SimulatedTree.start(root(puppet("a"))) as tree:
        mine = ["x"]
        assert tree.ask("a", mine) == ["x"]
        mine.append("y")
        assert tree.ask("a", "kept") == [["x"]]

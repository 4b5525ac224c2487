"""The guardian with real processes: who freezes is noticed, and the service manager is told the truth."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisors import ActorTree, ChildSpec, SupervisorError, SupervisorSpec, boot
from supervisors.calls import Caller, Unanswered, connect_to
from supervisors.charge import Charge
from supervisors.guardian_policy import LIMIT
from supervisors.linux import children, start_ticks
from supervisors.testing import Puppet
from tests.supervisors.actors_for_tests import Obedient


def eventually(check: Callable[[], Any], within_s: float = 30.0) -> Any:
    until = time.monotonic() + within_s
    while True:
        try:
            if found := check():
                return found
        except (SupervisorError, Unanswered, OSError):
            pass
        assert time.monotonic() < until, "it did not become true"
        time.sleep(0.02)


@pytest.mark.parametrize("name", ["launcher", "root", "admin", "logger"])
def test_a_frozen_process_ends_its_system_and_the_next_one_works(tmp_path: Path, name: str) -> None:
    spec = SupervisorSpec(id="root", children=(ChildSpec(id="a", actor=Obedient),))
    with ActorTree.start(spec, state_dir=tmp_path) as tree:
        before = dict(tree.pids)
        os.kill(before[name], signal.SIGSTOP)
        eventually(lambda: tree.heals == 1)
        assert eventually(lambda: tree.ask("a", 1)) == (1, None)
        assert start_ticks(before[name]) is None
        assert tree.pids["guardian"] == before["guardian"] and tree.pids["root"] != before["root"]


def test_a_last_word_that_comes_after_the_root_is_gone_is_heard(tmp_path: Path) -> None:
    """A root that gave up stays ended, also when its launcher is too slow to say so before its death is seen."""
    spec = SupervisorSpec(id="root", children=(ChildSpec(id="a", actor=Obedient),), max_restarts=0)
    with ActorTree.start(spec, state_dir=tmp_path) as tree:
        root, launcher = tree.pids["root"], tree.pids["launcher"]
        child = tree.which_children("root")[0].pid
        assert child is not None
        os.kill(launcher, signal.SIGSTOP)
        os.kill(child, signal.SIGKILL)
        eventually(lambda: start_ticks(root) is None)
        os.kill(launcher, signal.SIGCONT)
        reason = tree.wait_until_stopped(10)
        assert reason.kind == "shutdown" and "more than 0 restarts" in reason.detail and tree.heals == 0


def test_a_first_signal_drains_and_a_second_forces(tmp_path: Path) -> None:
    book = tmp_path / "book"
    args = {"name": "p", "book": str(book), "stops": "hang"}
    spec = SupervisorSpec(id="root", children=(ChildSpec(id="p", actor=Puppet, args=args, shutdown="infinity"),))
    with ActorTree.start(spec, state_dir=tmp_path / "state") as tree:
        pids = dict(tree.pids)
        os.kill(pids["guardian"], signal.SIGTERM)
        eventually(lambda: "stop p" in book.read_text())
        assert all(start_ticks(pid) is not None for pid in pids.values()), "it is given its time"
        os.kill(pids["guardian"], signal.SIGTERM)
        assert tree.wait_until_stopped(10).detail == "forced"
        eventually(lambda: all(start_ticks(pid) is None for pid in pids.values()), 2.0)


def launcher_of(tree: ActorTree) -> int | None:
    """The pid of the launcher that its guardian has just now, however far it has come."""
    for pid in children(tree.pids["guardian"]):
        if b"launcher" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return None


@pytest.mark.slow
@pytest.mark.chaos
def test_the_eleventh_kill_in_a_minute_is_the_limit_and_the_alarm_of_one_that_goes_on(tmp_path: Path) -> None:
    spec = SupervisorSpec(id="root", children=(ChildSpec(id="a", actor=Obedient),))
    with (
        ActorTree.start(spec, state_dir=tmp_path / "end") as ends,
        ActorTree.start(spec, state_dir=tmp_path / "restart", on_give_up="restart") as goes_on,
    ):
        both = (ends, goes_on)
        for number in range(LIMIT + 1):
            assert ends.heals == number and goes_on.alarm == ""
            for pid in [eventually(lambda tree=tree: launcher_of(tree)) for tree in both]:
                os.kill(pid, signal.SIGKILL)
            eventually(lambda number=number: goes_on.heals == number + 1)
            eventually(lambda number=number: number == LIMIT or ends.heals == number + 1)
        reason = ends.wait_until_stopped(20)
        assert reason.kind == "shutdown" and reason.detail == "guardian_limit: launcher died"
        assert eventually(lambda: goes_on.alarm).startswith("P0: ") and goes_on.heals == LIMIT + 1
        with pytest.raises(SupervisorError, match="restarting"):
            goes_on.ask("a", 1)
        at = time.monotonic()
        goes_on.stop()
        assert time.monotonic() - at < 5, "a stop does not wait for the next try"


class Service:
    """A guardian run as a service manager would, with its socket."""

    def __init__(self, folder: Path, address: str, not_before: float = 0.0, **environment: str) -> None:
        self.folder = folder
        self.link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.link.bind("\0" + address[1:] if address.startswith("@") else address)
        self.link.settimeout(20)
        self.config = folder / "config"
        self.config.write_text("a")
        charge = Charge(
            spec=spec_from(str(self.config))[0],
            main={},
            packages=("supervisors",),
            state_dir=str(folder),
            title="service",
            host_pid=None,
            host_started=None,
            channel_fd=None,
            status_fd=None,
            reload=(__name__, "spec_from", (str(self.config),)),
            not_before=not_before,
        )
        argv, fd = boot.command("supervisors.guardian", pickle.dumps(charge), ("supervisors",))
        env = {**os.environ, "NOTIFY_SOCKET": address, **environment}
        self.log = (folder / "stderr").open("w+")
        self.process = subprocess.Popen(argv, pass_fds=[fd], env=env, stderr=self.log)
        os.close(fd)

    def hear(self, wanted: str) -> str:
        """The next word with ``wanted`` in it."""
        while True:
            text = self.link.recv(4096).decode()
            if wanted in text:
                return text

    def pids(self) -> dict[str, int]:
        caller = Caller(lambda: connect_to(self.folder), trusted=False)
        try:
            return dict(caller.call("ping", "", {}, 5.0)["pids"])
        finally:
            caller.close()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.link.close()
        self.log.close()


def spec_from(file: str) -> tuple[bytes, None]:
    """The tree with one child, named by the file."""
    name = Path(file).read_text()
    return pickle.dumps(SupervisorSpec(id="root", children=(ChildSpec(id=name, actor=Obedient),))), None


@pytest.fixture(params=["path", "abstract"])
def service(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Service]:
    address = f"@{os.urandom(8).hex()}" if request.param == "abstract" else str(tmp_path / "notify")
    made = Service(tmp_path, address, WATCHDOG_USEC="800000")
    yield made
    made.close()


def test_the_service_manager_is_told_the_truth(service: Service) -> None:
    service.hear("READY=1")
    service.hear("WATCHDOG=1")
    pids = service.pids()
    assert b"NOTIFY_SOCKET" not in Path(f"/proc/{pids['launcher']}/environ").read_bytes()
    service.config.write_text("")
    service.process.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in service.hear("RELOADING=1")
    assert "configuration kept" in service.hear("READY=1")
    assert service.pids() == pids, "a wrong configuration changes nothing"
    service.config.write_text("b")
    service.process.send_signal(signal.SIGHUP)
    service.hear("RELOADING=1")
    service.hear("READY=1")
    service.hear("READY=1")
    assert eventually(service.pids)["root"] != pids["root"], "another configuration is another system"
    service.process.send_signal(signal.SIGTERM)
    service.hear("STOPPING=1")
    assert service.process.wait(30) == 0


def test_no_system_starts_before_its_delay_is_over(tmp_path: Path) -> None:
    not_before = time.monotonic() + 1.5
    service = Service(tmp_path, str(tmp_path / "notify"), not_before)
    try:
        service.hear("READY=1")
        assert time.monotonic() >= not_before
    finally:
        service.close()


def test_without_progress_the_watchdog_is_not_fed(tmp_path: Path) -> None:
    service = Service(tmp_path, str(tmp_path / "notify"), WATCHDOG_USEC="400000")
    try:
        service.hear("WATCHDOG=1")
        os.kill(service.pids()["root"], signal.SIGSTOP)
        words = [service.hear("=")]
        while "STATUS=being started anew" not in words[-1]:
            words.append(service.hear("="))
        assert words.count("WATCHDOG=1") <= 2, "what was under way, and no more"
    finally:
        service.close()

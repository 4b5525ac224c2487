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
from supervisors.guarded_system import Charge
from supervisors.guardian_policy import ANSWER_S, HEAD_START_S, Revivals, Verdict, suspect
from supervisors.linux import start_ticks
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


def test_frozen_is_who_is_stopped_and_gives_no_sign_of_life() -> None:
    first = suspect({}, {"root", "admin"}, set(), 10.0)
    assert (first.ask, first.frozen) == ({"root", "admin"}, frozenset())
    soon = suspect(first.suspects, {"root", "admin"}, {"admin"}, 10.5)
    assert (soon.ask, soon.frozen) == ({"admin"}, frozenset()), "one that answered is asked again"
    late = suspect(soon.suspects, {"root", "admin"}, set(), 10.0 + ANSWER_S)
    assert late.frozen == {"root"}
    assert suspect(late.suspects, set(), set(), 99.0).suspects == {}, "one that is seen to run is no suspect"


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


def test_a_launcher_has_a_head_start_of_the_delay_at_most() -> None:
    assert Verdict(Revivals(), HEAD_START_S / 2).pause_s == 0.0
    assert Verdict(Revivals(), 5.0).pause_s == 5.0 - HEAD_START_S


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

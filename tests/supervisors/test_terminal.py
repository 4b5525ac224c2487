"""What a terminal sends its foreground reaches the guardian alone, who decides what becomes of the others."""

from __future__ import annotations

import os
import pickle
import pty
import select
import signal
from pathlib import Path

from supervisors import ChildSpec, SupervisorSpec, boot
from supervisors.calls import Caller, connect_to
from supervisors.charge import Charge
from supervisors.linux import descendants, start_ticks
from supervisors.testing import Puppet
from tests.supervisors.test_guardian import eventually


def guardian_in_a_terminal(folder: Path, book: Path) -> tuple[int, int]:
    """The pid of a guardian in the foreground of a terminal of its own, and the keyboard."""
    puppet = ChildSpec(id="p", actor=Puppet, args={"name": "p", "book": str(book)})
    charge = Charge(
        spec=pickle.dumps(SupervisorSpec(id="root", children=(puppet,))),
        main={},
        packages=("supervisors",),
        state_dir=str(folder),
        title="typed",
        host_pid=None,
        host_started=None,
        channel_fd=None,
        status_fd=None,
    )
    argv, fd = boot.command("supervisors.guardian", pickle.dumps(charge), ("supervisors",))
    pid, keyboard = pty.fork()
    if pid == 0:
        os.set_inheritable(fd, True)
        os.execv(argv[0], argv)
    os.close(fd)
    return pid, keyboard


def test_an_interrupt_from_the_keyboard_stops_in_good_order(tmp_path: Path) -> None:
    book = tmp_path / "book"
    guardian, keyboard = guardian_in_a_terminal(tmp_path, book)
    caller = Caller(lambda: connect_to(tmp_path), trusted=False)
    try:
        eventually(lambda: caller.call("ping", "", {}, 5.0)["pids"])
        below = {pid: start_ticks(pid) for pid in descendants(guardian)}
        assert guardian not in {os.getsid(pid) for pid in below}, "somebody else is in the foreground"
        os.write(keyboard, b"\x03")
        with os.fdopen(os.pidfd_open(guardian)) as ended:
            assert select.select([ended], [], [], 30)[0], "it goes on"
        assert book.read_text().split() == ["start", "p", "stop", "p"]
        assert not [pid for pid, ticks in below.items() if start_ticks(pid) == ticks is not None]
    finally:
        caller.close()
        os.kill(guardian, signal.SIGKILL)  # at the latest
        _, status = os.waitpid(guardian, 0)
        os.close(keyboard)
    assert os.waitstatus_to_exitcode(status) == 0

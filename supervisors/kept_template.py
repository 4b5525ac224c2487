"""A guardian's template, as it keeps it: given orders, and replaced by another when it has ended.

The first is forked from the guardian, whose modules it then has already, and shares; every later one is exec'ed,
because a guardian that has come so far holds things that no template may have.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import subprocess
from collections.abc import Collection

from supervisors import boot
from supervisors.charge import ORDER, READY, Charge, Needs
from supervisors.forked import ForkedProcess, fork, is_alone
from supervisors.linux import children, state_of
from supervisors.marked import has_room
from supervisors.watchman import MARK


class KeptTemplate:
    """One child of this process at a time, in a session of its own: what a terminal sends its foreground reaches
    neither it nor a launcher, whose end the guardian alone decides. Whatever is forked from it carries ``mark`` in its
    environment."""

    def __init__(self, charge: Charge, mark: str) -> None:
        """It imports already, unless this machine does not allow it now."""
        self._charge = charge
        self._mark = mark
        self._process: subprocess.Popen[bytes] | ForkedProcess | None = None
        with contextlib.suppress(OSError):
            self._start(is_forked=_may_fork(mark))

    @property
    def pid(self) -> int | None:
        """None when there is none."""
        return self._process.pid if self._process is not None else None

    def order(self, order: bytes, descriptors: list[int]) -> None:
        """A launcher that inherits the descriptors is on its way. When none comes, nobody holds them any more. OSError
        when this machine does not allow it now."""
        if not self.is_fit():
            self.dismiss()
            self._start()
        fd = boot.in_memory(order)
        try:
            with contextlib.suppress(BrokenPipeError):  # it has just ended, and so have the descriptors
                socket.send_fds(self._link, [ORDER], [fd, *descriptors], socket.MSG_DONTWAIT)
        finally:
            os.close(fd)

    def is_fit(self) -> bool:
        """Whether an order would be carried out: not by one that has ended, or is stopped by a signal or a tracer."""
        try:
            return self.pid is not None and state_of(self.pid) not in ("", "Z", "X", "T", "t")
        except OSError:
            return True

    def reaped(self, pids: Collection[int]) -> None:
        """Those children of this process have ended and are gone. If the template was among them, another one is on its
        way, unless this one had not come as far as to have imported everything: then it waits for the next order."""
        if self._process is None or self.pid not in pids:
            return
        self._process.returncode = 0  # whatever it was: nobody may wait for its number any more
        try:
            was_ready = self._link.recv(len(READY), socket.MSG_DONTWAIT) == READY
        except OSError:
            was_ready = False
        self.dismiss()
        if was_ready:
            with contextlib.suppress(OSError):
                self._start()

    def dismiss(self) -> None:
        """There is none any more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._link.close()

    def _start(self, *, is_forked: bool = False) -> None:
        charge = self._charge
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.ExitStack() as given:
            given.callback(theirs.close)
            unused = given.enter_context(contextlib.ExitStack())
            unused.callback(self._link.close)
            fd, mark = theirs.fileno(), self._mark
            needs = pickle.dumps(Needs(charge.spec, charge.main, charge.packages, charge.title, os.getpid(), fd, mark))
            if is_forked:
                from supervisors import template  # only here: a guardian stays small

                self._process = fork(template.main, needs, (fd,))
                unused.pop_all()
                return
            argv, fd = boot.command("supervisors.template", needs, charge.packages, os.getpid())
            given.callback(os.close, fd)
            env = {**os.environ, MARK: mark}
            passed = (fd, theirs.fileno())
            self._process = subprocess.Popen(
                argv, pass_fds=passed, stdin=subprocess.DEVNULL, env=env, start_new_session=True
            )
            unused.pop_all()


def _may_fork(mark: str) -> bool:
    """Whether a fork of this process is as good as an exec: it has one thread and no child but its watchman, so nothing
    that it has imported is at work anywhere, and there is room for the mark."""
    return is_alone() and len(children(os.getpid())) <= 1 and has_room(MARK, mark)

"""What Thespian 4.0.1 needs before it may carry anything: applied once in the launcher, inherited by every fork.

Thespian's ``multiprocTCPBase`` listens on all interfaces, unpickles whatever arrives, leaves orphans when its admin
dies, loses its admin when the logger dies, and spins for ever after a SIGSEGV. Each is put right here by exchanging one
private name; the version is pinned because of that.
"""

from __future__ import annotations

import hashlib
import hmac
import multiprocessing
import os
import pickle
import secrets
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from supervisors.linux import die_with_parent

MESSAGE_BYTES_MAX = 16 * 1024 * 1024
MAC_BYTES = 16
HALF_OPEN_S = 30
ADOPTION_WAIT_S = 2.0
CRASH_SIGNALS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)

after_fork: list[Callable[[], None]] = []
"""Called first thing in every process of the system: closes what it must not inherit."""

exit_code = [0]
"""What this process exits with when its actor has ended in good order."""


class SignedPickle:
    """The two verbs of ``pickle``; ``loads`` verifies before it unpickles. The key lives in memory only."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.rejected = 0

    def _mac(self, body: bytes) -> bytes:
        return hashlib.blake2b(body, key=self._key, digest_size=MAC_BYTES).digest()

    def dumps(self, value: Any) -> bytes:
        body = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        return self._mac(body) + body

    def loads(self, raw: Any) -> Any:
        raw = bytes(raw)
        if len(raw) <= MAC_BYTES or not hmac.compare_digest(raw[:MAC_BYTES], self._mac(raw[MAC_BYTES:])):
            self.rejected += 1
            raise pickle.UnpicklingError("unsigned message dropped")
        return pickle.loads(raw[MAC_BYTES:])  # noqa: S301 - verified one line above


def harden(log_file: str, guardian_pid: int) -> SignedPickle:
    """Thespian may be started now: loopback only, every message signed, nothing outlives its parent. Call once, before
    the first ``ActorSystem``. ``guardian_pid`` must be a child subreaper above this process."""
    os.environ["THESPIAN_BASE_IPADDR"] = "127.0.0.1"
    os.environ["THESPLOG_FILE"] = log_file
    os.environ.setdefault("THESPLOG_THRESHOLD", "WARNING")
    os.environ.setdefault("TZ", ":/etc/localtime")
    signed = SignedPickle(secrets.token_bytes(32))
    _listen_on_loopback_and_verify(signed)
    _bound_what_is_read()
    _die_with_the_parent(guardian_pid)
    return signed


def _listen_on_loopback_and_verify(signed: SignedPickle) -> None:
    from thespian.system.transport import IPBase, TCPTransport, streamBuffer

    IPBase.IPActorAddress.bindArgs = property(lambda address: (("127.0.0.1", address.bindname[1]),))
    TCPTransport.serializer = signed
    TCPTransport.ackMsg = TCPTransport.toSendBuffer(streamBuffer.ackPacket, signed.dumps)
    TCPTransport.ackDataErrMsg = TCPTransport.toSendBuffer(streamBuffer.ackDataErrPacket, signed.dumps)


def _bound_what_is_read() -> None:
    from datetime import timedelta

    from thespian.system.transport import TCPTransport, streamBuffer

    TCPTransport.MAX_INCOMING_SOCKET_PERIOD = timedelta(seconds=HALF_OPEN_S)
    add_more = streamBuffer.ReceiveBuffer.addMore

    def bounded(buffer: Any, data: bytes) -> None:
        add_more(buffer, data)
        if buffer._size is not None and not 0 <= buffer._size <= MESSAGE_BYTES_MAX:
            raise ValueError(f"a message of {buffer._size} bytes is refused")

    streamBuffer.ReceiveBuffer.addMore = bounded


def _die_with_the_parent(guardian_pid: int) -> None:
    from thespian.system import multiprocCommon as mpc

    start_child, start_logger, run_admin = mpc.startChild, mpc.startupASLogger, mpc.MultiProcAdmin.run

    def child(*args: Any, **named: Any) -> None:
        _begin_process()
        start_child(*args, **named)
        sys.stderr.flush()
        os._exit(exit_code[0])

    def logger(*args: Any, **named: Any) -> Any:
        _begin_process()
        return start_logger(*args, **named)

    def admin(self: Any) -> Any:
        until = time.monotonic() + ADOPTION_WAIT_S
        while os.getppid() != guardian_pid and time.monotonic() < until:
            time.sleep(0.001)
        die_with_parent(guardian_pid)
        _clean_after_fork()
        return run_admin(self)

    mpc.startChild, mpc.startupASLogger, mpc.MultiProcAdmin.run = child, logger, admin
    mpc.MultiProcAdmin.logDefs = property(lambda self: self.logdefs)


def _begin_process() -> None:
    parent = multiprocessing.parent_process()
    die_with_parent(parent.pid if parent is not None else None)
    _clean_after_fork()


def _clean_after_fork() -> None:
    """Once per process: a fork of this one has closed these already."""
    for clean in after_fork:
        clean()
    after_fork.clear()

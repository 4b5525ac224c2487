"""The caller's side of the Scheduler's own socket: one connection a thread, one call at a time on each."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

from supervisors import frames
from supervisors.calls import connect_to

SOCKET_NAME = "desk.sock"
CALL_BYTES_MAX = 512 * 1024


class DeskClient:
    """Calls the Scheduler of ``state_dir`` while it is there. Any thread; in a fork child of the host it is no use."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._pid = os.getpid()
        self._of_thread = threading.local()

    def ask(self, call: dict[str, Any], timeout_s: float) -> dict[str, Any] | None:
        """The desk's answer; None when there is none to be had here: nobody is there, or it went before it answered,
        and the call may or may not have been carried out."""
        frame = frames.encode({"protocol": frames.PROTOCOL, "id": 1, "call": call}, trusted=False)
        if os.getpid() != self._pid or len(frame) > CALL_BYTES_MAX:
            return None
        try:
            link = self._link()
            link.settimeout(timeout_s)
            link.sendall(frame)
            answer = frames.read(link, trusted=False)
        except (OSError, frames.FrameError):
            answer = None
        if answer is None:
            self._drop()
            return None
        return dict(answer["answer"])

    def close(self) -> None:
        """This thread's connection is closed; those of other threads go with them."""
        self._drop()

    def _link(self) -> socket.socket:
        link: socket.socket | None = getattr(self._of_thread, "link", None)
        if link is None:
            link = self._of_thread.link = connect_to(self._state_dir, SOCKET_NAME)
        return link

    def _drop(self) -> None:
        link = self._of_thread.__dict__.pop("link", None)
        if link is not None:
            link.close()

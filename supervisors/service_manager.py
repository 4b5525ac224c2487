"""What a service manager is told, in its own words (sd_notify): one datagram each to the socket it named."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping


class ServiceManager:
    """Tells nobody when the environment names no socket. Nothing here waits, and nothing raises: a service manager that
    cannot be told does not stop the service."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        """Its variables are taken out of ``environment``: they are meant for this process only."""
        name = environment.pop("NOTIFY_SOCKET", "")
        usec, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        is_ours = usec.isdigit() and pid in ("", str(os.getpid()))
        self.watchdog_s = int(usec) / 1e6 if name and is_ours and int(usec) else None
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) if name else None

    def notify(self, what: str, text: str = "") -> None:
        """``what``: ready, healing (why), alive (there was progress since the last time), reloading, reloaded (why the
        configuration stays what it was; empty when it does not) or stopping."""
        match what:
            case "ready":
                self._tell("READY=1\nSTATUS=running")
            case "healing":
                self._tell(f"STATUS=being started anew: {_line(text)}")
            case "alive":
                self._tell("WATCHDOG=1")
            case "reloading":
                self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
            case "reloaded":
                self._tell(f"READY=1\nSTATUS={_line(f'configuration kept: {text}') if text else 'running'}")
            case "stopping":
                self._tell("STOPPING=1")

    def _tell(self, text: str) -> None:
        if self._link is None:
            return
        try:
            self._link.sendto(text.encode(), self._address)
        except OSError:
            pass


def _line(text: str) -> str:
    return " ".join(text.split())

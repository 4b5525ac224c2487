"""A stranger on the same machine: what it can find out about a running tree, and what it throws at the listeners."""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Any

from supervisors import ActorTree, ChildSpec, SupervisorSpec
from tests.supervisors.signing_actor import Signing

REFUSE = struct.pack("ii", 1, 0)


class Running:
    """A tree with two actors, and what an outsider can find out about it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        children = (ChildSpec(id="a", actor=Signing), ChildSpec(id="b", actor=Signing))
        self.tree = ActorTree.start(SupervisorSpec(id="root", children=children), state_dir=state)

    def where(self, name: str) -> tuple[str, str, int, int]:
        found: tuple[str, str, int, int] = self.tree.ask(name, "where")
        return found

    def processes(self) -> dict[str, int]:
        actors = {name: self.where(name)[2] for name in "ab"}
        return {**self.tree._call("ping", "", {})["pids"], **actors}

    def refused(self) -> dict[str, int]:
        return dict(self.tree._call("ping", "", {})["refused"])

    def signed(self, payload: Any, to: str = "b", by: str = "a") -> bytes:
        path, incarnation, _, port = self.where(to)
        frame: bytes = self.tree.ask(by, ("sign", path, incarnation, port, payload))
        return frame

    def ports(self) -> list[int]:
        """Where a process of the tree listens; all of it on loopback."""
        inodes = set()
        for pid in self.processes().values():
            links = [str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()]
            inodes |= {link[8:-1] for link in links if link.startswith("socket:[")}
        found = set()
        for name in ("tcp", "tcp6"):
            for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == "0A" and words[9] in inodes:
                    host, port = words[1].split(":")
                    assert host == "0100007F", f"a listener outside loopback: {line}"
                    found.add(int(port, 16))
        return sorted(found)


def throw(port: int, data: bytes, *, wait_for_answer: bool = True) -> bytes:
    """What the listener answers before it closes; nothing when we leave with a reset."""
    with socket.create_connection(("127.0.0.1", port), 5) as link:
        try:
            link.sendall(data)
            if wait_for_answer:
                link.settimeout(0.5)
                return link.recv(4096)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, REFUSE)
        except OSError:
            pass
    return b""

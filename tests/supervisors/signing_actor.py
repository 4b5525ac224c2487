"""An actor that gives away what only its own process can make: signed bytes."""

from __future__ import annotations

import os
from typing import Any

from supervisors import ManagedActor
from supervisors.messages import Deliver


class Signing(ManagedActor):
    """``("sign", path, incarnation, port, payload)``: the frame of such a message; anything else is kept."""

    def on_start(self) -> None:
        self.got: list[Any] = []

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case "got":
                self.reply(list(self.got))
            case "where":
                self.reply((self.path, self.incarnation, os.getpid(), self._port()))
            case "key":
                self.reply(self._signer()._key)
            case ("sign", path, incarnation, port, payload):
                deliver = Deliver(path, incarnation, "", "", 0, payload, "unasked")
                body = self._signer().dumps((self._shell.system.address(), deliver), port)
                self.reply(b"%d>" % len(body) + body)
            case ("many", target, first, count):
                for number in range(first, first + count):
                    assert self.send(target, ("number", number))
                self.reply(None)
            case ("misled", port, count):
                self._send_to(port, count)
                self.reply(None)
            case _:
                self.got.append(message)

    def _send_to(self, port: int, count: int) -> None:
        """As to an actor that has died and whose port a stranger has now."""
        from thespian.actors import ActorAddress
        from thespian.system.transport.IPBase import TCPv4ActorAddress

        for number in range(count):
            self._shell.system.post(ActorAddress(TCPv4ActorAddress("127.0.0.1", port)), number)

    def _signer(self) -> Any:
        from thespian.system.transport import TCPTransport

        return TCPTransport.serializer

    def _port(self) -> int:
        return int(self._shell.system.address().addressDetails.connectArgs[0][1])

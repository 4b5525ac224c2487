"""What Thespian's TCP transport needs before it may listen: loopback only, nothing unpickled that is not signed, and
bounds on what is read and on who may keep a connection open without saying anything.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from supervisors.systems.signatures import Refusals, Repeated, SignedPickle

MESSAGE_BYTES_MAX = 16 * 1024 * 1024
LENGTH_DIGITS_MAX = 20
HALF_OPEN_S = 30
HALF_OPEN_MAX = 128


def listen_on_loopback_and_verify(signed: SignedPickle) -> None:
    """Every message is signed for its receiver, and read once: Thespian reads one twice when two sends cross on one
    connection, and the second reading would look like a replay."""
    from thespian.system.transport import IPBase, TCPTransport, streamBuffer

    transport, buffers = TCPTransport.TCPTransport, streamBuffer.ReceiveBuffer
    IPBase.IPActorAddress.bindArgs = property(lambda address: (("127.0.0.1", address.bindname[1]),))
    TCPTransport.serializer = signed
    TCPTransport.ackMsg = streamBuffer.toSendBuffer(streamBuffer.ackPacket, signed.dumps)
    TCPTransport.ackDataErrMsg = streamBuffer.toSendBuffer(streamBuffer.ackDataErrPacket, signed.dumps)
    listen, completed = transport.__init__, buffers.completed

    def listen_and_know(self: Any, *args: Any) -> None:
        listen(self, *args)
        signed.listens_on(self.socket.getsockname()[1])

    def sign(self: Any, intent: Any) -> bytes:
        port = intent.targetAddr.addressDetails.connectArgs[0][1]
        framed: bytes = streamBuffer.toSendBuffer(
            (self.myAddress, intent.message), partial(signed.dumps, receiver_port=port)
        )
        return framed

    def read_once(self: Any) -> Any:
        if getattr(self, "refusal", None) is not None:
            raise self.refusal
        try:
            found = self.found if hasattr(self, "found") else completed(self)
        except Exception as error:
            self.refusal = error
            raise
        if found is None:
            return None
        self.found = found
        return found[0], self._extra

    transport.__init__, transport.serializer, buffers.completed = listen_and_know, sign, read_once
    _answer_what_is_refused(TCPTransport)


def _answer_what_is_refused(module: Any) -> None:
    """A message that was taken, and whose acknowledgement was lost, comes again: it is acknowledged, and not taken
    twice. Who answers with something that is not signed is a stranger at a dead process's port; Thespian would keep
    the message's place in the queue for ever, and twenty of them would stop the sender."""
    from thespian.system.transport import ReceiveEnvelope, SendStatus

    transport = module.TCPTransport
    added, check = transport._addedDataToIncoming, transport._check_XMIT_4_done

    def add(self: Any, incoming: Any, *args: Any, **named: Any) -> Any:
        try:
            return added(self, incoming, *args, **named) if not _is_repeated(incoming) else _acknowledge(incoming)
        except OSError:  # it was read, only its acknowledgement could not be sent
            message, _ = incoming.data
            incoming.close()
            self._processReceivedEnvelope(ReceiveEnvelope(*message), **named)
            return None

    def _acknowledge(incoming: Any) -> None:
        try:
            incoming.socket.send(module.ackMsg)
        except OSError:
            pass
        incoming.close()

    def check_acknowledgement(self: Any, intent: Any, received: Any) -> Any:
        try:
            return check(self, intent, received)
        except Exception:
            return self._finishIntent(intent, SendStatus.DeadTarget)

    transport._addedDataToIncoming, transport._check_XMIT_4_done = add, check_acknowledgement


def _is_repeated(incoming: Any) -> bool:
    try:
        if incoming.receivedAllData():
            incoming.data  # noqa: B018 - reading it is what finds out
    except Repeated:
        return True
    except Exception:
        pass
    return False


def bound_what_is_read(refusals: Refusals) -> None:
    """A message has a greatest size, and so many connections may be open without a whole message, for so long. The
    oldest is closed for a new one: a lawful sender among them sends again."""
    from thespian.system.transport import TCPTransport, streamBuffer

    transport, buffers = TCPTransport.TCPTransport, streamBuffer.ReceiveBuffer
    TCPTransport.MAX_INCOMING_SOCKET_PERIOD = timedelta(seconds=HALF_OPEN_S)
    add_more, accept, readable = buffers.addMore, transport._acceptNewIncoming, transport._handleReadableIncoming

    def add_bounded(self: Any, data: bytes) -> None:
        try:
            add_more(self, data)
            if self._size is None and len(self._buf) > LENGTH_DIGITS_MAX:
                raise ValueError("a message without a length is refused")
            if self._size is not None and not 0 <= self._size <= MESSAGE_BYTES_MAX:
                raise ValueError(f"a message of {self._size} bytes is refused")
        except Exception:
            self.refused = True
            refusals.count("malformed")
            raise

    def accept_bounded(self: Any) -> None:
        accept(self)
        while len(self._incomingSockets) > HALF_OPEN_MAX:
            self._incomingSockets.pop(next(iter(self._incomingSockets))).close()
            refusals.count("crowded")

    def read(self: Any, incoming: Any, *args: Any, **named: Any) -> Any:
        left = readable(self, incoming, *args, **named)
        buffer = incoming._rData
        cut_off = left is None and not buffer.is_empty() and not buffer.isDone()
        if cut_off and not getattr(buffer, "refused", False):
            refusals.count("malformed")
        return left

    buffers.addMore, transport._acceptNewIncoming, transport._handleReadableIncoming = add_bounded, accept_bounded, read

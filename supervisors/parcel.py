"""What a user's message, answer or argument travels in: bytes that only the one it is meant for opens.

So what does not pickle is refused where it was handed over, and what cannot be read again is the trouble of its reader
alone: nobody who carries it, or stands in between, is harmed. What its sender does with it later
changes nothing in it.
"""

from __future__ import annotations

import pickle
from typing import Any

from msgspec import Struct

from supervisors.errors import SupervisorError

PARCEL_BYTES_MAX = 15 * 1024 * 1024
INFO_BYTES_MAX = 60 * 1024


class Parcel(Struct, frozen=True):
    body: bytes

    def opened(self) -> Any:
        """What was packed. SupervisorError ``not_picklable`` when it cannot be read here."""
        try:
            return pickle.loads(self.body)  # noqa: S301 - packed by a process of the tree or the host that holds it
        except Exception as error:
            text = f"it cannot be read again: {type(error).__name__}: {error}"
            raise SupervisorError("not_picklable", text) from error


def packed(value: Any) -> Parcel:
    """``value`` as it is now; a parcel is packed already. SupervisorError ``not_picklable`` when it does not pickle or
    is larger than ``PARCEL_BYTES_MAX``."""
    if isinstance(value, Parcel):
        return value
    try:
        body = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        text = f"the {type(value).__name__} does not pickle: {error}"
        raise SupervisorError("not_picklable", text) from error
    if len(body) > PARCEL_BYTES_MAX:
        text = f"the {type(value).__name__} takes {len(body)} bytes, more than {PARCEL_BYTES_MAX}; put it in a file"
        raise SupervisorError("not_picklable", text)
    return Parcel(body)


def opened(value: Any) -> Any:
    """What is in ``value`` when it is a parcel, else ``value`` itself."""
    return value.opened() if isinstance(value, Parcel) else value


def check_info(info: Any) -> None:
    """What a start gives its supervisor can be read there. SupervisorError ``not_picklable`` when not."""
    if info is None:
        return
    parcel = packed(info)
    if len(parcel.body) > INFO_BYTES_MAX:
        text = f"the start's answer takes {len(parcel.body)} bytes, more than {INFO_BYTES_MAX}"
        raise SupervisorError("not_picklable", text)
    parcel.opened()

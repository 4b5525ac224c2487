"""A task's saved progress: a folder of its own, from which a new attempt goes on where the last one ended.

A command writes into the folder as it likes. A callable saves values: each is a file of its own, named by attempt and
number, whose first line is the SHA-256 of the rest. So a torn file is recognised, and what an attempt writes that
nobody waits for any more never counts as newer than what its successor wrote.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import threading
from pathlib import Path
from typing import Any

from msgspec import Struct

from aidos_actors.core.errors import AidosError
from aidos_actors.durable_file import write_durably
from aidos_actors.executors.folder_size import ENTRIES_MAX, is_over
from aidos_actors.folders import delete_tree, is_real_folder

KEPT = 2
VALUE_BYTES_MAX = 1024 * 1024
FOLDER_BYTES_MAX = 256 * 1024 * 1024
_NAME = re.compile(r"value-(\d+)-(\d+)\.json")


class CheckpointRefused(AidosError):
    """The value is too large or no JSON: the callable must save less, or something else. Nothing was changed."""

    code = "checkpoint_refused"


class CheckpointTooLarge(CheckpointRefused):
    """The task's checkpoint folder is over its limit, or would be."""

    code = "checkpoint_too_large"

    @classmethod
    def over(cls, bytes_max: int) -> CheckpointTooLarge:
        return cls(
            f"the checkpoint folder holds more than {bytes_max:,} bytes, or {ENTRIES_MAX:,} entries",
            hint="remove what is needed no more, or raise limits.checkpoint_bytes",
        )


class CheckpointUnsaved(AidosError):
    """The disk did not take the value. The checkpoint before it still stands, and no retry is used up."""

    code = "checkpoint_unsaved"


class CheckpointLimits(Struct, frozen=True):
    """``folder_bytes`` holds for a task's folder, ``value_bytes`` for one value of a callable as JSON."""

    folder_bytes: int = FOLDER_BYTES_MAX
    value_bytes: int = VALUE_BYTES_MAX


def clear_place(folder: Path) -> None:
    """What stands in the place of a task's folder, or of its requirement's, and is none is gone, if it can be: there is
    nothing that one could go on from. That holds for a link, too, which leads out of what is limited and removed."""
    for place in (folder.parent, folder):
        with contextlib.suppress(OSError):
            if not is_real_folder(place):
                place.unlink()


def removed_if_over(folder: Path, bytes_max: int) -> bool:
    """A folder over its limit is gone, and the answer is True: what is in it can neither be kept nor, since nobody
    knows which part of it matters, be cut. What cannot be deleted stays, and is over the limit the next time, too."""
    is_too_large = is_over(str(folder), bytes_max)
    if is_too_large:
        with contextlib.suppress(OSError):
            delete_tree(folder)
    return is_too_large


class ValueCheckpoints:
    """The values one attempt of a callable saves. One thread at a time."""

    def __init__(
        self, folder: Path, attempt: int, bytes_max: int = VALUE_BYTES_MAX, folder_bytes_max: int = FOLDER_BYTES_MAX
    ) -> None:
        self._folder = folder
        self._attempt = attempt
        self._bytes_max = bytes_max
        self._folder_bytes_max = folder_bytes_max
        self._saving = threading.Lock()

    def save(self, value: Any) -> None:
        """The value is on disk, and is what the next attempt finds. Raises ``CheckpointRefused`` or
        ``CheckpointUnsaved``; then the one before it stands. Any thread: of several at once one is the last."""
        try:
            text = json.dumps(value, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise CheckpointRefused(f"a checkpoint must be JSON: {error}") from None
        if len(text) > self._bytes_max:
            raise CheckpointRefused(
                f"the checkpoint is {len(text)} bytes of JSON, more than the {self._bytes_max} allowed",
                hint="save less, or raise limits.checkpoint_value_bytes",
            )
        with self._saving:
            self._save(hashlib.sha256(text).hexdigest().encode() + b"\n" + text)

    def _save(self, content: bytes) -> None:
        known = self._numbers()
        older = [each for each in known if each[0] <= self._attempt]
        outdated = older[: max(0, len(older) + 1 - KEPT)]
        room, entries_max = self._folder_bytes_max - len(content), ENTRIES_MAX - 1 + len(outdated)
        if room < 0 or is_over(str(self._folder), room, entries_max):
            raise CheckpointTooLarge.over(self._folder_bytes_max)
        number = max((count for attempt, count in known if attempt == self._attempt), default=0) + 1
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            name = f"value-{self._attempt}-{number}.json"
            write_durably(self._folder / name, content, self._folder / f".{name}.new")
        except OSError as error:
            raise CheckpointUnsaved(f"the checkpoint could not be saved: {error}") from error
        for attempt, count in outdated:
            (self._folder / f"value-{attempt}-{count}.json").unlink(missing_ok=True)

    def newest(self) -> Any:
        """The value saved last by this or an earlier attempt, as far as it is whole; None when there is none."""
        for attempt, number in reversed(self._numbers()):
            if attempt <= self._attempt:
                with contextlib.suppress(OSError, ValueError):
                    return _value_of(self._content(self._folder / f"value-{attempt}-{number}.json"))
        return None

    def _content(self, path: Path) -> bytes:
        """At once: ValueError or OSError for what is no file, or too large to have been saved."""
        with open(path, "rb", opener=_opened) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > self._folder_bytes_max:
                raise ValueError("no checkpoint")
            return file.read()

    def _numbers(self) -> list[tuple[int, int]]:
        """(attempt, number) of the values there, oldest first."""
        try:
            names = os.listdir(self._folder)  # noqa: PTH208 - names are all that is wanted
        except OSError:
            return []
        return sorted((int(found[1]), int(found[2])) for name in names if (found := _NAME.fullmatch(name)))


def _opened(path: str, flags: int) -> int:
    """Without waiting for whoever should write into it."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)


def _value_of(content: bytes) -> Any:
    """Raises ValueError for a file that is torn."""
    digest, _, text = content.partition(b"\n")
    if hashlib.sha256(text).hexdigest().encode() != digest:
        raise ValueError("the checkpoint is torn")
    return json.loads(text)

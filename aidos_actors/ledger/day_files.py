"""The journal once more, as text: ``journal/YYYY-MM-DD.jsonl``, one event a line, against damage of the ledger itself.

Lines are written *before* the transaction that holds their events is committed, and synced within a second, beside the
caller (docs/decisions/0021). What was acknowledged is on disk in the table. What a crash or a full disk left behind is
a tail of the one or of the other: lines the table does not know (their numbers are beyond the table's, or the table has
other events under them, since a commit that was refused while it was synced may turn up in place of the one that came
next), or events without lines. ``settle`` puts that right: such a tail goes to ``unconfirmed.jsonl`` (not thrown away:
after a restore it may be the better copy), and events the files lack are written again from the table. Within one file
``seq`` grows, because tails are cut before anything follows them; across files it may not, when the clock was set back
over midnight.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec import json

from aidos_actors.ledger.day_file import DayFile, refuse_odd
from aidos_actors.ledger.day_lines import by_day, last_known, lines_of
from aidos_actors.ledger.rows import Values
from aidos_actors.ledger.syncing import Syncing
from supervisors.linux import sync_folder

RowsAfter = Callable[..., Sequence[Values]]
TAIL_BYTES = 64 * 2**10
UNCONFIRMED_BYTES_MAX = 16 * 2**20  # then it is kept as unconfirmed.1.jsonl, in place of the one before


class DayFiles:
    """The day files in ``folder``. All methods raise ``OSError`` when the disk does; then ``settle`` must come before
    the next ``append``. Thread: the ledger's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: DayFile | None = None  # the newest, or the one that was written last
        self._syncing = Syncing(self._sync)
        self._refused: dict[Path, int] = {}  # how much of each file is on disk, where the disk took no more

    @property
    def is_whole(self) -> bool:
        """As far as known: the file that was written last is where it was, and no sync has failed. Else ``settle``
        makes it so."""
        return self._syncing.error is None and (self._held is None or not self._held.is_lost)

    @property
    def is_empty(self) -> bool:
        return not any(path.stat().st_size for path in self._paths())

    def append(self, rows: Sequence[Values]) -> None:
        """The rows are in the files of their UTC days, and there on disk soon, or after ``close``. ``LedgerRefused``
        when one's ``at`` is no moment."""
        for day, of_day in by_day(rows).items():
            self._of(self._folder / f"{day}.jsonl").append(lines_of(of_day))
            self._syncing.soon()

    def _of(self, path: Path) -> DayFile:
        if self._held is None or self._held.path != path:
            self.close()
            self._held = DayFile(path)
        return self._held

    def _sync(self) -> None:
        if self._held is not None:
            self._held.sync()

    def close(self) -> None:
        """All that was appended is on disk, and no file is held open."""
        try:
            self._syncing.now()
        except OSError:
            if self._held is not None:
                self._refused.setdefault(self._held.path, self._held.synced_bytes)
            raise
        finally:
            held, self._held = self._held, None
            self._syncing.error = None
            if held is not None:
                held.close()

    def settle(self, last_seq: int, rows_after: RowsAfter) -> None:
        """The files end where the table ends. ``rows_after(seq)`` gives a page of the table's events, in order;
        ``rows_after(seq, n)`` at most ``n``."""

        def is_known(line: dict[str, Any]) -> bool:
            """One that the table holds no more is believed."""
            if not 0 < line["seq"] <= last_seq:
                return False
            rows = rows_after(line["seq"] - 1, 1)
            return not rows or rows[0][0] != line["seq"] or json.decode(lines_of(rows)) == line

        with contextlib.suppress(OSError):
            self.close()
        self._take_back()
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700)
            sync_folder(self._folder.parent)
        paths = self._paths()
        newest = max((self._cut(path, is_known) for path in paths), default=0)
        for path in paths[-1:]:
            self._of(path)  # and so its last lines are synced, whoever wrote them
        while newest < last_seq and (rows := rows_after(newest)):
            self.append(rows)
            newest = rows[-1][0]
        self._syncing.now()

    def _take_back(self) -> None:
        """What the disk has refused to sync is not believed, though it can be read: it is written again if need be."""
        for path, size in list(self._refused.items()):
            with contextlib.suppress(FileNotFoundError), path.open("rb+") as file:
                file.truncate(size)
                os.fsync(file.fileno())
            del self._refused[path]

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].jsonl"))

    def _cut(self, path: Path, is_known: Callable[[dict[str, Any]], bool]) -> int:
        """Returns the seq of the file's last line after cutting, 0 when none is left."""
        refuse_odd(path)
        with path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            window = TAIL_BYTES
            while True:
                start = max(0, size - window)
                file.seek(start)
                tail = file.read()
                seq, end = last_known(tail, is_known)
                if seq or start == 0:
                    break
                window *= 2
            if start + end < size:
                self._set_aside(tail[end:])
                file.truncate(start + end)
                os.fsync(file.fileno())
        return seq

    def _set_aside(self, tail: bytes) -> None:
        path = self._folder / "unconfirmed.jsonl"
        if path.exists() and path.stat().st_size > UNCONFIRMED_BYTES_MAX:
            path.replace(self._folder / "unconfirmed.1.jsonl")
        file = DayFile(path)
        try:
            file.append(tail if tail.endswith(b"\n") else tail + b"\n")
            file.sync()
        finally:
            file.close()

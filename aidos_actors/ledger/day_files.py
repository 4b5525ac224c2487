"""The journal once more, as text: ``journal/YYYY-MM-DD.jsonl``, one event a line, against damage of the ledger itself.

Lines are written *before* the transaction that holds their events is committed, and synced in a thread beside it. So
whatever was acknowledged is in both, and what a crash or a full disk left behind is a tail of the one or of the other:
lines the table does not know (their numbers are beyond the table's, or the table has other events under them, since a
commit that was refused while it was synced may turn up in place of the one that came next), or events without lines.
``settle`` puts that right: such a tail goes to ``unconfirmed.jsonl`` (not thrown away: after a restore it may be the
better copy), and events the files lack are written again from the table. Within one file ``seq`` grows, because tails
are cut before anything follows them; across files it may not, when the clock was set back over midnight.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec import DecodeError, Raw, Struct, json

from aidos_actors.ledger.errors import LedgerRefused
from aidos_actors.ledger.rows import Values
from aidos_actors.ledger.syncing import Syncing
from supervisors.linux import sync_folder

RowsAfter = Callable[..., Sequence[Values]]
TAIL_BYTES = 64 * 2**10
UNCONFIRMED_BYTES_MAX = 16 * 2**20  # then it is kept as unconfirmed.1.jsonl, in place of the one before
DAY_S = 86_400


class DayFiles:
    """The day files in ``folder``. All methods raise ``OSError`` when the disk does; then ``settle`` must come before
    the next ``append``. Thread: the ledger's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._syncing = Syncing()
        self._unsynced: dict[Path, int] = {}  # how long each file was before what is not known to be on disk
        self._is_refused = False  # the disk will not bring it there by itself

    @property
    def is_empty(self) -> bool:
        return not any(path.stat().st_size for path in self._paths())

    def begin(self, rows: Sequence[Values]) -> None:
        """The rows are on their way to the files of their UTC days, and there on disk when ``finish`` has returned.
        ``LedgerRefused`` when one's ``at`` is no moment."""
        for day, of_day in _by_day(rows).items():
            path = self._folder / f"{day}.jsonl"
            size, sync = _append(path, _lines_of(of_day))
            self._unsynced.setdefault(path, size)
            self._syncing.begin(sync)

    def finish(self) -> None:
        """What was begun is on disk."""
        try:
            self._syncing.finish()
        except BaseException:
            self._is_refused = True
            raise
        if not self._is_refused:
            self._unsynced.clear()

    def append(self, rows: Sequence[Values]) -> None:
        """``begin`` and ``finish``."""
        self.begin(rows)
        self.finish()

    def settle(self, last_seq: int, rows_after: RowsAfter) -> None:
        """The files end where the table ends. ``rows_after(seq)`` gives a page of the table's events, in order;
        ``rows_after(seq, n)`` at most ``n``."""

        def is_known(line: dict[str, Any]) -> bool:
            """One that the table holds no more is believed."""
            if not 0 < line["seq"] <= last_seq:
                return False
            rows = rows_after(line["seq"] - 1, 1)
            return not rows or rows[0][0] != line["seq"] or json.decode(_lines_of(rows)) == line

        with contextlib.suppress(OSError):
            self.finish()
        self._take_back()
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700)
            sync_folder(self._folder.parent)
        newest = max((self._cut(path, is_known) for path in self._paths()), default=0)
        while newest < last_seq and (rows := rows_after(newest)):
            self.append(rows)
            newest = rows[-1][0]

    def _take_back(self) -> None:
        """What the disk has refused to sync is not believed, though it can be read: it is written again if need be."""
        for path, size in list(self._unsynced.items()):
            with contextlib.suppress(FileNotFoundError), path.open("rb+") as file:
                file.truncate(size)
                os.fsync(file.fileno())
            del self._unsynced[path]
        self._is_refused = False

    def lacking(self, rows: Sequence[Values]) -> list[int]:
        """The seqs of those of ``rows`` (the newest of the table, in order) that do not stand in the file of their
        day, as they are, near its end."""
        lacking: list[int] = []
        for day, of_day in _by_day(rows).items():
            lines = dict(zip(_lines_of(of_day).splitlines(keepends=True), (row[0] for row in of_day), strict=True))
            lacking += _lacking(self._folder / f"{day}.jsonl", lines)
        return sorted(lacking)

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].jsonl"))

    def _cut(self, path: Path, is_known: Callable[[dict[str, Any]], bool]) -> int:
        """Returns the seq of the file's last line after cutting, 0 when none is left."""
        with path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            window = TAIL_BYTES
            while True:
                start = max(0, size - window)
                file.seek(start)
                tail = file.read()
                seq, end = _last_known(tail, is_known)
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
        _size, sync = _append(path, tail if tail.endswith(b"\n") else tail + b"\n")
        sync()


def _lacking(path: Path, lines: dict[bytes, int]) -> list[int]:
    """Looks no further back than to where all ``lines`` were found; a batch under way may stand behind them."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return list(lines.values())
    with file:
        size = file.seek(0, os.SEEK_END)
        window = sum(map(len, lines)) + TAIL_BYTES
        while True:
            start = max(0, size - window)
            file.seek(start)
            held = set(file.read(size - start).splitlines(keepends=True))
            lacking = [seq for line, seq in lines.items() if line not in held]
            if not lacking or start == 0:
                return lacking
            window *= 2


def _last_known(tail: bytes, is_known: Callable[[dict[str, Any]], bool]) -> tuple[int, int]:
    """The last whole line that the table has: its seq, and where the line ends. (0, 0) when there is none.
    (The end of a line that began before ``tail`` is never whole JSON: it has one closing bracket too many.)"""
    end = tail.rfind(b"\n") + 1
    while end:
        begin = tail.rfind(b"\n", 0, end - 1) + 1
        line = _read(tail[begin:end])
        if line is not None and is_known(line):
            return line["seq"], end
        end = begin
    return 0, 0


def _read(line: bytes) -> dict[str, Any] | None:
    """None: it is no line of an event."""
    try:
        found = json.decode(line)
        return found if isinstance(found["seq"], int) else None
    except (ValueError, TypeError, KeyError, DecodeError):
        return None


class _Line(Struct):
    seq: int
    at: float
    type: str
    requirement: str | None
    task: str | None
    attempt: int | None
    epoch: int
    data: Raw


_ENCODER = json.Encoder()


def _lines_of(rows: Sequence[Values]) -> bytes:
    """A line of JSON for each."""
    lines = [_Line(*where, Raw(data)) for *where, data in rows]  # type: ignore[call-arg]
    return _ENCODER.encode_lines(lines)


def _by_day(rows: Sequence[Values]) -> dict[str, Sequence[Values]]:
    with contextlib.suppress(TypeError):
        if len({row[1] // DAY_S for row in rows}) == 1:  # nearly always, and then this is the quick way
            return {_day_of(rows[0][1]): rows}
    days: dict[str, list[Values]] = {}
    for row in rows:
        days.setdefault(_day_of(row[1]), []).append(row)
    return dict(days)


def _day_of(at: float) -> str:
    try:
        return _day_name(int(at // DAY_S))
    except (OverflowError, ValueError, TypeError, OSError) as error:
        raise LedgerRefused(f"{at!r} is not a moment in seconds since 1970: {error}") from error


@lru_cache(maxsize=16)
def _day_name(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_S, UTC).date().isoformat()


def _append(path: Path, data: bytes) -> tuple[int, Callable[[], None]]:
    """The data is written; how long the file was before; and what, called once, brings it to the disk."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    handle = os.open(path, flags, 0o600)
    try:
        size = os.fstat(handle).st_size
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
    except BaseException:
        os.close(handle)
        raise

    def sync() -> None:
        try:
            os.fdatasync(handle)
        finally:
            os.close(handle)
        if size == 0:
            sync_folder(path.parent)

    return size, sync

"""Do all events of the table stand in the files of their days, as they are? Both are read once, side by side."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from aidos_actors.ledger.day_lines import by_day, lines_of
from aidos_actors.ledger.rows import Values

SEQ = re.compile(rb'\{"seq":(\d{1,19}),')


def lacking(folder: Path, pages: Iterable[Sequence[Values]], last_seq: int) -> Iterator[int]:
    """The seqs of those events that do not. ``pages`` are events of the table in order, none beyond ``last_seq``; lines
    of others are passed over, and so is what is no line."""
    with ExitStack() as stack:
        files: dict[str, _Lines | None] = {}
        for rows in pages:
            for day, of_day in by_day(rows).items():
                if day not in files:
                    path = folder / f"{day}.jsonl"
                    files[day] = _Lines(stack.enter_context(path.open("rb")), last_seq) if path.is_file() else None
                lines = files[day]
                expected = lines_of(of_day).splitlines(keepends=True)
                for row, line in zip(of_day, expected, strict=True):
                    if lines is None or lines.of(row[0]) != line:
                        yield row[0]


class _Lines:
    """The lines of one file, in which ``seq`` grows."""

    def __init__(self, file: BinaryIO, last_seq: int) -> None:
        self._file, self._last_seq = file, last_seq
        self._seq, self._line = 0, b""

    def of(self, seq: int) -> bytes:
        """The line of that number; empty when there is none. Asked for in growing order."""
        while self._seq < seq:
            line = self._file.readline()
            if not line.endswith(b"\n"):
                self._file.seek(-len(line), 1)  # a writer may be about to end it
                return b""
            said = SEQ.match(line)
            if said is not None and int(said[1]) <= self._last_seq:
                self._seq, self._line = int(said[1]), line
        return self._line if self._seq == seq else b""

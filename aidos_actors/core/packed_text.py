"""Long texts that are seldom looked at."""

from __future__ import annotations

import zlib

from msgspec import Struct

LONG_CHARS = 100_000


class PackedText(Struct, frozen=True):
    """A long text in a tenth of its size or so; ``str`` of it is the text. ``is_stored``: it was handed to the ledger
    before, which need not write it again."""

    packed: bytes
    is_stored: bool = False

    def __str__(self) -> str:
        return zlib.decompress(self.packed).decode()


def packed_if_long(text: str | PackedText) -> str | PackedText:
    """The same text; ``str`` of it is."""
    if isinstance(text, PackedText) or len(text) < LONG_CHARS:
        return text
    return PackedText(zlib.compress(text.encode(), 1))

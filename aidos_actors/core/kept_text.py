"""How much is kept of what others say: an exception may carry a file, and a program may print one as its last words."""

from __future__ import annotations

TEXT_CHARS_MAX = 4000
TAIL_SHARE = 4  # of what is kept, one part in so many is the end


def kept(text: str, chars_max: int = TEXT_CHARS_MAX) -> str:
    """``text`` as rows and messages may carry it: of a longer one its beginning and its end, and how much was between;
    half characters, which no database takes, as their numbers.

    >>> kept("abcdefghijkl", 8)
    'abcdef … (4 characters) … kl'
    """
    if len(text) > chars_max:
        tail = chars_max // TAIL_SHARE
        between = f" … ({len(text) - chars_max} characters) … "
        text = text[: chars_max - tail] + between + text[-tail:]
    return text.encode(errors="backslashreplace").decode()

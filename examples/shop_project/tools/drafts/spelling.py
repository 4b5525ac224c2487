"""Did you mean: words nobody sells become the nearest ones somebody does."""

from __future__ import annotations

from collections.abc import Collection

from shop.tokens import tokenize

EDITS_MAX = 2


def distance(left: str, right: str) -> int:
    """How many letters must be added, dropped or changed to turn one word into the other."""
    row = list(range(len(right) + 1))
    for at, letter in enumerate(left, start=1):
        diagonal, row[0] = row[0], at
        for column, other in enumerate(right, start=1):
            diagonal, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, diagonal + (letter != other)),
            )
    return row[-1]


def corrected(query: str, vocabulary: Collection[str]) -> list[str]:
    """The words of the query, each replaced by the nearest known one, if any is at most two edits away."""
    return [word if word in vocabulary else _nearest(word, vocabulary) for word in tokenize(query)]


def _nearest(word: str, vocabulary: Collection[str]) -> str:
    edits_max = min(EDITS_MAX, len(word) // 3)
    near = [(distance(word, known), known) for known in vocabulary if abs(len(known) - len(word)) <= edits_max]
    best = min(near, default=(EDITS_MAX + 1, word))
    return best[1] if best[0] <= edits_max else word

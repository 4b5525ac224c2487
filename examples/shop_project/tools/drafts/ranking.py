"""The best answer first: rare words count more, and so do short names (BM25)."""

from __future__ import annotations

import math
from collections.abc import Iterable

from shop.index import Index

SATURATION = 1.2
LENGTH_WEIGHT = 0.75


def rank(index: Index, words: Iterable[str]) -> list[tuple[str, float]]:
    """(sku, score) of every product that holds one of the words; equal scores in the order of their skus."""
    scores: dict[str, float] = {}
    for word in dict.fromkeys(words):
        found = index.postings(word)
        rarity = math.log(1 + (len(index) - len(found) + 0.5) / (len(found) + 0.5))
        for sku, count in found.items():
            scores[sku] = scores.get(sku, 0.0) + rarity * _weight(index, sku, count)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def _weight(index: Index, sku: str, count: int) -> float:
    relative = 1 - LENGTH_WEIGHT + LENGTH_WEIGHT * index.length(sku) / index.mean_length
    return count * (SATURATION + 1) / (count + SATURATION * relative)

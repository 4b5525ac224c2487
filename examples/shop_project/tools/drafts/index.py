"""Which product holds which word, and how often."""

from __future__ import annotations

from collections import Counter

from shop.product import Product
from shop.tokens import tokenize


class Index:
    """An inverted index; adding a product again replaces what it held."""

    def __init__(self) -> None:
        self._postings: dict[str, dict[str, int]] = {}
        self._lengths: dict[str, int] = {}

    def add(self, product: Product) -> None:
        self.remove(product.sku)
        words = tokenize(product.text)
        self._lengths[product.sku] = len(words)
        for word, count in Counter(words).items():
            self._postings.setdefault(word, {})[product.sku] = count

    def remove(self, sku: str) -> None:
        """Nothing of the product is left; one that was never added is no error."""
        if self._lengths.pop(sku, None) is None:
            return
        for word in [word for word, found in self._postings.items() if sku in found]:
            del self._postings[word][sku]
            if not self._postings[word]:
                del self._postings[word]

    def postings(self, word: str) -> dict[str, int]:
        """How often each product holds the word, by sku."""
        return dict(self._postings.get(word, {}))

    def length(self, sku: str) -> int:
        return self._lengths[sku]

    @property
    def mean_length(self) -> float:
        """Words per product; 0 while there is none."""
        return sum(self._lengths.values()) / len(self._lengths) if self._lengths else 0.0

    @property
    def vocabulary(self) -> frozenset[str]:
        return frozenset(self._postings)

    def __len__(self) -> int:
        return len(self._lengths)

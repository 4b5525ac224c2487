"""What a customer types, to the products meant: spelling, ranking and filters together."""

from __future__ import annotations

from shop.catalogue import Catalogue
from shop.filters import narrowed
from shop.index import Index
from shop.product import Product
from shop.ranking import rank
from shop.spelling import corrected

RESULTS_MAX = 10


class Search:
    """Sees the catalogue as it was when this was made."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._index = Index()
        for product in catalogue:
            self._index.add(product)

    def find(self, query: str, filters: tuple[str, ...] = ()) -> list[Product]:
        """At most ten products, the best first. Raises ``ValueError`` for a filter that is not known."""
        words = corrected(query, self._index.vocabulary)
        ranked = (self._catalogue.get(sku) for sku, _ in rank(self._index, words))
        return narrowed(ranked, filters)[:RESULTS_MAX]

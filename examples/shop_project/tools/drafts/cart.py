"""What a customer is about to buy. What is in the cart is reserved."""

from __future__ import annotations

from collections.abc import Iterator

from shop.catalogue import Catalogue
from shop.prices import format_price
from shop.product import Product
from shop.stock import Stock


class Cart:
    """Lines of product and units, in the order they were first added."""

    def __init__(self, catalogue: Catalogue, stock: Stock) -> None:
        self._catalogue = catalogue
        self._stock = stock
        self._units: dict[str, int] = {}

    def add(self, sku: str, units: int = 1) -> None:
        """Raises ``UnknownProduct`` or ``OutOfStock``; the cart is as it was."""
        self._catalogue.get(sku)
        self._stock.reserve(sku, units)
        self._units[sku] = self._units.get(sku, 0) + units

    def remove(self, sku: str) -> None:
        """The whole line; one that is not there is no error."""
        self._stock.release(sku, self._units.pop(sku, 0))

    @property
    def total_cents(self) -> int:
        return sum(product.price_cents * units for product, units in self)

    def lines(self) -> list[str]:
        """As a person reads it."""
        return [f"{units} x {product.name}: {format_price(product.price_cents * units)}" for product, units in self]

    def __iter__(self) -> Iterator[tuple[Product, int]]:
        return ((self._catalogue.get(sku), units) for sku, units in self._units.items())

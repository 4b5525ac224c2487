"""What is on the shelf and what is promised to somebody."""

from __future__ import annotations

from shop.catalogue import Catalogue


class OutOfStock(Exception):
    """Not so many are free; nothing was reserved."""


class Stock:
    """Units on the shelf less those reserved; never below zero."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._free = {product.sku: product.units for product in catalogue}
        self._reserved: dict[str, int] = {}

    def free(self, sku: str) -> int:
        return self._free.get(sku, 0)

    def reserve(self, sku: str, units: int) -> None:
        """Raises ``OutOfStock`` or, for less than one unit, ``ValueError``; nothing changed."""
        if units < 1:
            raise ValueError(f"{units} units cannot be reserved")
        if units > self.free(sku):
            raise OutOfStock(f"{sku}: {units} wanted, {self.free(sku)} free")
        self._free[sku] -= units
        self._reserved[sku] = self._reserved.get(sku, 0) + units

    def release(self, sku: str, units: int) -> None:
        """Back on the shelf; never more than was reserved."""
        given = min(max(units, 0), self._reserved.get(sku, 0))
        self._free[sku] = self.free(sku) + given
        self._reserved[sku] = self._reserved.get(sku, 0) - given

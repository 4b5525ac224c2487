"""All products, by sku."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files

from shop.product import Product


class UnknownProduct(KeyError):
    """No product has this sku."""


class DuplicateProduct(ValueError):
    """Another product has this sku already."""


class Catalogue:
    """Products in the order they were added; a sku names exactly one."""

    def __init__(self, products: tuple[Product, ...] = ()) -> None:
        self._products: dict[str, Product] = {}
        for product in products:
            self.add(product)

    def add(self, product: Product) -> None:
        if product.sku in self._products:
            raise DuplicateProduct(product.sku)
        self._products[product.sku] = product

    def get(self, sku: str) -> Product:
        try:
            return self._products[sku]
        except KeyError:
            raise UnknownProduct(sku) from None

    def __iter__(self) -> Iterator[Product]:
        return iter(self._products.values())

    def __len__(self) -> int:
        return len(self._products)


def sample_catalogue() -> Catalogue:
    """The products of ``sample.json``, for the command line and the tests."""
    rows = json.loads(files("shop").joinpath("sample.json").read_text(encoding="utf-8"))
    return Catalogue(tuple(Product(**{**row, "tags": tuple(row["tags"])}) for row in rows))

"""The command ``stock``."""

from __future__ import annotations

from shop.catalogue import sample_catalogue
from shop.stock import Stock


def run(arguments: list[str]) -> int:
    """Show what is free: all products, or those whose SKUs are given."""
    catalogue = sample_catalogue()
    stock = Stock(catalogue)
    for sku in arguments or [product.sku for product in catalogue]:
        print(f"{sku:<12} {stock.free(sku):>4}")
    return 0

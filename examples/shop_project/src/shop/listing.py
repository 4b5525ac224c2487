"""The command ``list``."""

from __future__ import annotations

from shop.catalogue import sample_catalogue


def run(arguments: list[str]) -> int:
    """Show every product: sku, price in cents, name."""
    for product in sample_catalogue():
        print(f"{product.sku:<12} {product.price_cents:>6}  {product.name}")
    return 0

"""The command ``find``."""

from __future__ import annotations

import sys

from shop.catalogue import sample_catalogue
from shop.prices import format_price
from shop.search import Search


def run(arguments: list[str]) -> int:
    """Find products: words, and filters such as tag:kitchen, price:5..20 or in-stock."""
    filters = tuple(word for word in arguments if ":" in word or word == "in-stock")
    query = " ".join(word for word in arguments if word not in filters)
    try:
        found = Search(sample_catalogue()).find(query, filters)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for product in found:
        print(f"{product.sku:<12} {format_price(product.price_cents):>8}  {product.name}")
    return 0 if found else 1

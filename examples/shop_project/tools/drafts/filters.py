"""Narrowing a list of products: ``tag:kitchen``, ``price:5..20``, ``in-stock``."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from shop.prices import parse_price
from shop.product import Product

Filter = Callable[[Product], bool]


def parse_filter(text: str) -> Filter:
    """The filter that ``text`` names. Raises ``ValueError`` for one that is not known."""
    kind, _, value = text.partition(":")
    if kind == "tag" and value:
        return lambda product: value in product.tags
    if kind == "price" and ".." in value:
        low, high = (parse_price(end) if end else None for end in value.split("..", 1))
        return lambda product: (low or 0) <= product.price_cents and (high is None or product.price_cents <= high)
    if text == "in-stock":
        return lambda product: product.units > 0
    raise ValueError(f"{text!r} is no filter; there are tag:NAME, price:LOW..HIGH and in-stock")


def narrowed(products: Iterable[Product], filters: Iterable[str]) -> list[Product]:
    """The products that pass every filter, in their order."""
    wanted = [parse_filter(text) for text in filters]
    return [product for product in products if all(passes(product) for passes in wanted)]

"""The command ``buy``."""

from __future__ import annotations

import sys

from shop.cart import Cart
from shop.catalogue import UnknownProduct, sample_catalogue
from shop.checkout import check_out
from shop.stock import OutOfStock, Stock


def run(arguments: list[str]) -> int:
    """Show what to pay: SKU or SKU=UNITS, as often as needed."""
    catalogue = sample_catalogue()
    cart = Cart(catalogue, Stock(catalogue))
    try:
        for argument in arguments:
            sku, _, units = argument.partition("=")
            cart.add(sku, int(units or 1))
        print(check_out(cart))
    except (UnknownProduct, OutOfStock, ValueError) as error:
        print(f"cannot be bought: {error}", file=sys.stderr)
        return 1
    return 0

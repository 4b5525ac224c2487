"""From a cart to a receipt."""

from __future__ import annotations

from dataclasses import dataclass

from shop.cart import Cart
from shop.discounts import discount_cents
from shop.prices import format_price


@dataclass(frozen=True, slots=True)
class Receipt:
    lines: tuple[str, ...]
    discount_cents: int
    to_pay_cents: int

    def __str__(self) -> str:
        rows = [*self.lines]
        if self.discount_cents:
            rows.append(f"Discount: {format_price(-self.discount_cents)}")
        return "\n".join([*rows, f"To pay: {format_price(self.to_pay_cents)}"])


def check_out(cart: Cart) -> Receipt:
    """What the customer pays, discounts taken off. Raises ``ValueError`` for an empty cart."""
    if not cart.lines():
        raise ValueError("the cart is empty")
    off = sum(discount_cents(product.price_cents, units) for product, units in cart)
    return Receipt(tuple(cart.lines()), off, cart.total_cents - off)

from __future__ import annotations

import pytest
from shop.cart import Cart
from shop.catalogue import sample_catalogue
from shop.checkout import check_out
from shop.stock import Stock


def filled(**units):
    catalogue = sample_catalogue()
    cart = Cart(catalogue, Stock(catalogue))
    for sku, count in units.items():
        cart.add(sku, count)
    return cart


def test_many_of_one_thing_cost_less():
    receipt = check_out(filled(sugar=10, honey=1))
    assert receipt.discount_cents == 215
    assert receipt.to_pay_cents == 10 * 215 + 680 - 215
    assert str(receipt).splitlines()[-2:] == ["Discount: -2.15", "To pay: 26.15"]


def test_no_discount_no_line():
    assert "Discount" not in str(check_out(filled(cup=1)))


def test_an_empty_cart_cannot_be_paid():
    with pytest.raises(ValueError, match="empty"):
        check_out(filled())

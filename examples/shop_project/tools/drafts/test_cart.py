from __future__ import annotations

import pytest
from shop.cart import Cart
from shop.catalogue import UnknownProduct, sample_catalogue
from shop.stock import OutOfStock, Stock


@pytest.fixture
def stock():
    return Stock(sample_catalogue())


@pytest.fixture
def cart(stock):
    return Cart(sample_catalogue(), stock)


def test_a_cart_adds_up(cart):
    cart.add("cup", 2)
    cart.add("honey")
    cart.add("cup")
    assert cart.total_cents == 3 * 725 + 680
    assert cart.lines() == ["3 x Tea cup: 21.75", "1 x Forest honey: 6.80"]


def test_what_is_in_the_cart_is_reserved_until_it_is_taken_out(cart, stock):
    cart.add("kettle", 3)
    assert stock.free("kettle") == 0
    cart.remove("kettle")
    cart.remove("kettle")
    assert stock.free("kettle") == 3
    assert cart.total_cents == 0


def test_what_cannot_be_had_changes_nothing(cart):
    with pytest.raises(OutOfStock):
        cart.add("tea-black")
    with pytest.raises(UnknownProduct):
        cart.add("sofa")
    assert cart.lines() == []

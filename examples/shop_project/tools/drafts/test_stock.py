from __future__ import annotations

import pytest
from shop.catalogue import sample_catalogue
from shop.stock import OutOfStock, Stock


def test_what_is_reserved_is_not_free():
    stock = Stock(sample_catalogue())
    stock.reserve("kettle", 2)
    assert stock.free("kettle") == 1


def test_too_many_change_nothing():
    stock = Stock(sample_catalogue())
    with pytest.raises(OutOfStock, match="4 wanted, 3 free"):
        stock.reserve("kettle", 4)
    with pytest.raises(OutOfStock):
        stock.reserve("sofa", 1)
    assert stock.free("kettle") == 3


def test_no_more_comes_back_than_was_taken():
    stock = Stock(sample_catalogue())
    stock.reserve("kettle", 2)
    stock.release("kettle", 9)
    stock.release("kettle", 9)
    assert stock.free("kettle") == 3


@pytest.mark.parametrize("units", [0, -1])
def test_less_than_one_cannot_be_reserved(units):
    with pytest.raises(ValueError, match="cannot be reserved"):
        Stock(sample_catalogue()).reserve("cup", units)

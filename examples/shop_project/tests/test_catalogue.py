from __future__ import annotations

import pytest
from shop.catalogue import Catalogue, DuplicateProduct, UnknownProduct, sample_catalogue
from shop.product import Product


def test_a_product_is_found_by_its_sku():
    catalogue = Catalogue((Product("cup", "Tea cup", 725),))
    assert catalogue.get("cup").name == "Tea cup"
    with pytest.raises(UnknownProduct):
        catalogue.get("saucer")


def test_a_sku_names_one_product():
    catalogue = Catalogue((Product("cup", "Tea cup", 725),))
    with pytest.raises(DuplicateProduct):
        catalogue.add(Product("cup", "Another cup", 100))
    assert len(catalogue) == 1


@pytest.mark.parametrize("price_cents, units", [(-1, 0), (1, -1)])
def test_nothing_is_below_zero(price_cents, units):
    with pytest.raises(ValueError, match="below zero"):
        Product("cup", "Tea cup", price_cents, units)


def test_the_sample_keeps_its_order():
    assert [product.sku for product in sample_catalogue()][:2] == ["tea-green", "tea-black"]

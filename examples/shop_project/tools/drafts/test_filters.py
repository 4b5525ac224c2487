from __future__ import annotations

import pytest
from shop.catalogue import sample_catalogue
from shop.filters import narrowed, parse_filter


def skus(*filters):
    return [product.sku for product in narrowed(sample_catalogue(), filters)]


def test_by_tag():
    assert skus("tag:sweet") == ["honey", "sugar"]


def test_by_price_with_both_ends_included_and_either_left_out():
    assert skus("price:4.50..7.25") == ["tea-green", "cup", "honey"]
    assert skus("price:..3.95") == ["tea-black", "sugar"]
    assert skus("price:24.50..") == ["pot", "kettle"]


def test_every_filter_must_pass():
    assert skus("tag:leaf", "in-stock") == ["tea-green"]
    assert len(skus()) == 8


@pytest.mark.parametrize("text", ["colour:red", "price:5", "price:a..b", "tag:", ""])
def test_an_unknown_filter_is_refused(text):
    with pytest.raises(ValueError, match="is no"):
        parse_filter(text)

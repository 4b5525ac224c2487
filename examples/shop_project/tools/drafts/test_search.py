from __future__ import annotations

from shop.catalogue import Catalogue, sample_catalogue
from shop.product import Product
from shop.search import RESULTS_MAX, Search


def skus(query, *filters):
    return [product.sku for product in Search(sample_catalogue()).find(query, filters)]


def test_the_best_comes_first():
    assert skus("green tea")[0] == "tea-green"
    assert skus("tea cup")[0] == "cup"


def test_a_misspelled_query_is_understood():
    assert skus("ketle") == ["kettle"]


def test_filters_narrow_and_keep_the_order():
    assert skus("tea", "in-stock", "price:..10") == [sku for sku in skus("tea") if sku in {"tea-green", "cup"}]


def test_a_page_has_a_limit():
    catalogue = Catalogue(tuple(Product(f"mug-{number}", "Mug", 100) for number in range(RESULTS_MAX + 5)))
    assert len(Search(catalogue).find("mug")) == RESULTS_MAX

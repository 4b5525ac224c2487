from __future__ import annotations

from shop.catalogue import sample_catalogue
from shop.index import Index
from shop.product import Product


def test_a_word_leads_to_its_products():
    index = Index()
    for product in sample_catalogue():
        index.add(product)
    assert set(index.postings("tea")) == {"tea-green", "tea-black", "cup", "pot"}
    assert index.postings("creme") == {"coffee": 1}
    assert index.postings("nothing") == {}
    assert len(index) == 8


def test_adding_again_replaces():
    index = Index()
    index.add(Product("cup", "Tea cup cup", 725))
    assert index.postings("cup") == {"cup": 2}
    index.add(Product("cup", "Mug", 725))
    assert index.vocabulary == {"mug"}
    assert index.length("cup") == 1


def test_removing_leaves_nothing():
    index = Index()
    index.add(Product("cup", "Tea cup", 725))
    index.remove("cup")
    index.remove("never")
    assert len(index) == 0
    assert index.vocabulary == frozenset()

from __future__ import annotations

from shop.catalogue import sample_catalogue
from shop.index import Index
from shop.product import Product
from shop.ranking import rank


def sample_index():
    index = Index()
    for product in sample_catalogue():
        index.add(product)
    return index


def test_the_product_with_all_words_comes_first():
    assert rank(sample_index(), ["tea", "cup"])[0][0] == "cup"


def test_a_rare_word_counts_more_than_a_common_one():
    scores = dict(rank(sample_index(), ["tea", "green"]))
    assert scores["tea-green"] > 2 * scores["tea-black"]


def test_equal_scores_are_in_the_order_of_skus():
    index = Index()
    index.add(Product("b", "Mug", 1))
    index.add(Product("a", "Mug", 1))
    assert [sku for sku, _ in rank(index, ["mug"])] == ["a", "b"]


def test_nothing_matches_nothing():
    assert rank(sample_index(), ["sofa"]) == []
    assert rank(Index(), ["tea"]) == []

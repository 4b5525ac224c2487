from __future__ import annotations

import pytest
from shop.tokens import tokenize


@pytest.mark.parametrize(
    "text, words",
    [
        ("Green tea", ["green", "tea"]),
        ("Café crème", ["cafe", "creme"]),
        ("500g, two-pack!", ["500g", "two", "pack"]),
        ("", []),
        ("...", []),
    ],
)
def test_words(text, words):
    assert tokenize(text) == words

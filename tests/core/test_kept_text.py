"""What is kept of a text is never longer than it should be, can be stored, and says what it leaves out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aidos_actors.core.kept_text import TEXT_CHARS_MAX, kept


@given(st.text(st.characters(), max_size=60), st.integers(4, 40))
def test_short_texts_stay_and_long_ones_keep_both_ends(text: str, chars_max: int) -> None:
    found = kept(text, chars_max)
    found.encode()
    assert len(found) <= 10 * (chars_max + 40), "a half character takes six"
    if text.isprintable() and len(text) <= chars_max:
        assert found == text
    if len(text) > chars_max:
        assert f"({len(text) - chars_max} characters)" in found


def test_a_file_is_cut_and_a_sentence_is_not() -> None:
    assert len(kept("x" * 50_000_000)) < TEXT_CHARS_MAX + 50
    assert kept("it failed") == "it failed"
    assert kept("bad \ud800 name") == r"bad \ud800 name"

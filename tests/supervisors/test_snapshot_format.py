"""One snapshot as text: whatever is not exactly what was written is recognised, and named for what it is."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors.snapshot_errors import SnapshotNotWritten, SnapshotUnreadable
from supervisors.snapshot_format import SNAPSHOT_BYTES_MAX, Snapshot, decode, encode

SNAPSHOT = Snapshot("root/counter", 3, 7, 2, 1234.5, '{"state": {"n": 1, "name": "Zoë\\n"}, "answers": []}')


def kind_of(text: object, actor: str = "root/counter", version: int = 7) -> str:
    with pytest.raises(SnapshotUnreadable) as refused:
        decode(text, actor, version)
    return refused.value.kind


def test_what_is_encoded_is_decoded() -> None:
    assert decode(encode(SNAPSHOT), "root/counter", 7) == SNAPSHOT


@given(st.integers(0, len(encode(SNAPSHOT)) - 1))
def test_a_text_cut_off_anywhere_is_refused(length: int) -> None:
    assert kind_of(encode(SNAPSHOT)[:length]) in ("torn", "foreign")


@given(st.integers(0, len(encode(SNAPSHOT)) - 1), st.characters(codec="utf-8"))
def test_a_text_altered_anywhere_is_refused(at: int, put: str) -> None:
    text = encode(SNAPSHOT)
    if text[at] != put:
        with pytest.raises(SnapshotUnreadable):
            decode(text[:at] + put + text[at + 1 :], "root/counter", 7)


def test_the_tail_of_another_snapshot_is_torn() -> None:
    other = encode(Snapshot("root/counter", 3, 7, 2, 1234.5, '{"state": {"n": 2}, "answers": []}'))
    assert kind_of(encode(SNAPSHOT).partition("\n")[0] + "\n" + other.partition("\n")[2]) == "torn"


@pytest.mark.parametrize("text", ["", "hello", "[]", '{"a": 1}', pickle.dumps({"n": 1}), None, 7, "\ud800"])
def test_what_others_wrote_is_foreign(text: object) -> None:
    assert kind_of(text) == "foreign"


def test_a_snapshot_in_the_place_of_another_is_stale() -> None:
    assert kind_of(encode(SNAPSHOT), version=8) == "stale"
    assert kind_of(encode(SNAPSHOT), actor="root/counter2") == "stale"


def test_a_format_of_the_future_is_named_so() -> None:
    """BX-36."""
    assert kind_of(encode(SNAPSHOT).replace('"format_version": 1', '"format_version": 2')) == "newer"


def test_a_state_over_the_limit_is_refused_before_it_is_written() -> None:
    with pytest.raises(SnapshotNotWritten, match="over the limit"):
        encode(Snapshot("a", 1, 1, 1, 0.0, "x" * (SNAPSHOT_BYTES_MAX + 1)))

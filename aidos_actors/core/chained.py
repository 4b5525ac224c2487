"""Sequences one after the other, without a copy where one of them makes its values as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TypeVar, overload

Value = TypeVar("Value")


class MadeAsAsked(Sequence[Value]):
    """Values that are made as somebody goes over them. To ask for one by its place makes all."""

    @overload
    def __getitem__(self, place: int) -> Value: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Value]: ...
    def __getitem__(self, place: int | slice) -> Value | Sequence[Value]:
        return tuple(self)[place]


class _Chained(MadeAsAsked[Value]):
    def __init__(self, parts: Sequence[Sequence[Value]]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def __iter__(self) -> Iterator[Value]:
        return chain.from_iterable(self._parts)


def one_after_another(parts: Sequence[Sequence[Value]]) -> Sequence[Value]:
    """A tuple, unless one of the parts is something else.

    >>> one_after_another([(1,), (), (2, 3)])
    (1, 2, 3)
    >>> one_after_another([(), range(2)])
    range(0, 2)
    """
    filled = [part for part in parts if part]
    if len(filled) == 1:
        return filled[0]
    if all(type(part) is tuple for part in filled):
        return tuple(chain.from_iterable(filled))
    return _Chained(filled)

"""The tasks of a large plan as compressed text: one that nobody works on takes a few bytes, in place of two kilobytes.

They lie in blocks, in file order. A block is unpacked when somebody looks into it; a few of these stay so, and what was
looked at stays at hand until a thousand others have been.
"""

from __future__ import annotations

import json
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import overload

import msgspec
from msgspec.structs import asdict
from pydantic import TypeAdapter

from aidos_actors.core.content_hash import SaidTask
from aidos_actors.core.requirement import TASKS_MAX, AgentWork, InBlocks, Task

EXECUTORS = ("run", "call", "agent")
BLOCK = 32
UNPACKED_MAX = 8  # blocks
AT_HAND_MAX = 1024  # tasks, and as many that were before
_POSITION_BITS = TASKS_MAX.bit_length()
_POSITION = (1 << _POSITION_BITS) - 1


class KeptTask(SaidTask, omit_defaults=True, gc=False):
    """A ``Task`` as it is unpacked: in a tenth of the time, for it was checked before. One with more to it (several
    agents, a policy) stays a ``Task``."""

    retry: None = None

    @property
    def agent_work(self) -> AgentWork | None:
        return None if self.agent is None else AgentWork(names=(self.agent,))

    @property
    def executor(self) -> str:
        return "run" if self.run is not None else "call" if self.call is not None else "agent"


Definition = Task | KeptTask


class _Outline(msgspec.Struct):
    id: str
    needs: tuple[str, ...] = ()


_TASKS = TypeAdapter(list[Task], config={"cache_strings": "keys"})
_KEPT = msgspec.json.Decoder(list[KeptTask])
_OUTLINES = msgspec.json.Decoder(list[_Outline])


class PackedTasks(InBlocks):
    """The tasks in file order, as a tuple of them would say it. Looking one up by its position or name unpacks its
    block; who goes over all of them unpacks one block after the other, and keeps none."""

    def __init__(self) -> None:
        self._blocks = bytearray()  # in one piece: thousands of small ones would hold fast what is freed between them
        self._ends: array[int] = array("Q", [0])
        self._is_plain = bytearray()  # by block: what it says are the very fields
        self._count = 0
        self._index: array[int] = array("Q")  # sorted: hash of the name, position
        self._unpacked: dict[int, Sequence[Definition]] = {}
        self._at_hand: dict[int, Definition] = {}
        self._before: dict[int, Definition] = {}
        self._places: dict[str, int] = {}  # the positions of these
        self.priorities = bytearray()
        self.executors = bytearray()  # places in EXECUTORS
        self.has_groups = False

    @classmethod
    def read(cls, texts: Iterable[bytes | msgspec.Raw]) -> PackedTasks:
        """Of the JSON text of each task. ``ValueError`` when one of them is no task."""
        packed, rest = cls(), iter(texts)
        while block := list(islice(rest, BLOCK)):
            text = b"[" + b",".join(map(bytes, block)) + b"]"
            packed._add(text, _TASKS.validate_json(text))
        packed._end()
        return packed

    @classmethod
    def of(cls, tasks: Iterable[Task]) -> PackedTasks:
        packed, rest = cls(), iter(tasks)
        while block := list(islice(rest, BLOCK)):
            packed._add(_TASKS.dump_json(block), block)
        packed._end()
        return packed

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Task: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Task]: ...
    def __getitem__(self, place: int | slice) -> Task | Sequence[Task]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(self._count))]
        return task_of(self.at(range(self._count)[place]))

    def at(self, position: int) -> Definition:
        """The task at that place, from 0."""
        task = self._at_hand.get(position)
        return self._take(position) if task is None else task

    def __iter__(self) -> Iterator[Task]:
        for text in self.texts():
            yield from _TASKS.validate_json(text)

    def texts(self) -> Iterator[bytes]:
        return map(self._text, range(len(self._ends) - 1))

    def _text(self, number: int) -> bytes:
        return zlib.decompress(self._blocks[self._ends[number] : self._ends[number + 1]])

    def outline(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The name of each task, and what it needs."""
        for text, is_plain in zip(self.texts(), self._is_plain, strict=True):
            for each in _OUTLINES.decode(text) if is_plain else _TASKS.validate_json(text):
                yield each.id, each.needs

    def position(self, name: str) -> int | None:
        """Where the task of that name stands."""
        place = self._places.get(name)
        if place is not None:
            return place
        index, wanted = self._index, zlib.crc32(name.encode())
        at = bisect_left(index, wanted << _POSITION_BITS)
        while at < len(index) and index[at] >> _POSITION_BITS == wanted:
            place = index[at] & _POSITION
            if self.at(place).id == name:
                return place
            at += 1
        return None

    def _add(self, text: bytes, tasks: list[Task]) -> None:
        said: Sequence[Definition] = tasks
        try:
            said = _KEPT.decode(text)
            text = msgspec.json.encode(said)
        except msgspec.DecodeError:  # as pydantic writes it an endless span would be none
            text = json.dumps([task.model_dump(mode="json") for task in tasks]).encode()
        self._blocks += zlib.compress(text, 1)
        self._ends.append(len(self._blocks))
        self._is_plain.append(said is not tasks)
        for at, each in enumerate(said, self._count):
            self._index.append(zlib.crc32(each.id.encode()) << _POSITION_BITS | at)
            self.executors.append(0 if each.run is not None else 1 if each.call is not None else 2)
            self.has_groups = self.has_groups or each.group is not None
        self.priorities.extend([each.priority for each in said])
        self._count += len(said)

    def _end(self) -> None:
        self._index = array("Q", sorted(self._index))

    def _take(self, position: int) -> Definition:
        if len(self._at_hand) >= AT_HAND_MAX:
            self._before, self._at_hand = self._at_hand, {}
            self._places = {task.id: at for at, task in self._before.items()}
        task = self._before.get(position)
        if task is None:
            number = position // BLOCK
            task = (self._unpacked.get(number) or self._unpack(number))[position % BLOCK]
        self._at_hand[position] = task
        self._places[task.id] = position
        return task

    def _unpack(self, number: int) -> Sequence[Definition]:
        text = self._text(number)
        if len(self._unpacked) >= UNPACKED_MAX:
            del self._unpacked[next(iter(self._unpacked))]
        block: Sequence[Definition] = _KEPT.decode(text) if self._is_plain[number] else _TASKS.validate_json(text)
        self._unpacked[number] = block
        return block


class ByName(Mapping[str, Definition]):
    """The same tasks by their names."""

    def __init__(self, tasks: PackedTasks) -> None:
        self._tasks = tasks

    def __getitem__(self, name: str) -> Definition:
        place = self._tasks.position(name)
        if place is None:
            raise KeyError(name)
        return self._tasks.at(place)

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _needs in self._tasks.outline())


Tasks = tuple[Task, ...] | PackedTasks
"""The tasks of a requirement, all at hand or packed."""


def outline(tasks: Tasks) -> Iterable[tuple[str, Sequence[str]]]:
    """The name of each task, and what it needs, in file order."""
    return [(task.id, task.needs) for task in tasks] if isinstance(tasks, tuple) else tasks.outline()


def task_of(definition: Definition) -> Task:
    """The same as a ``Task``."""
    return definition if isinstance(definition, Task) else Task.model_validate(asdict(definition))

"""The port ``SnapshotStore`` on a simulated machine: its disk is ``shelves``, and chance may kill before a change and
after it."""

from __future__ import annotations

from typing import Protocol

from supervisors.snapshot_rules import Found
from supervisors.snapshots.memory import MemorySnapshots, Shelf
from supervisors.systems.simulated import Simulation


class Writer(Protocol):
    """The process that the store is opened in."""

    path: str

    def effect(self, what: str) -> None: ...


class SimulatedSnapshots(MemorySnapshots):
    def __init__(self, process: Writer, shelves: dict[str, Shelf]) -> None:
        super().__init__(shelves.setdefault(process.path, Shelf()))
        self._process = process

    def claim(self) -> Found:
        self._process.effect("claim")
        found = super().claim()
        self._process.effect("restore")
        return found

    def write(self, generation: int, version: int, text: str) -> None:
        self._process.effect("write snapshot")
        super().write(generation, version, text)
        self._process.effect("go on after the snapshot")

    def started(self, generation: int, set_aside: tuple[int, ...] = ()) -> None:
        self._process.effect("note the start")
        super().started(generation, set_aside)

    def start_raised(self, generation: int, *, blames_state: bool) -> None:
        self._process.effect("note the raise")
        super().start_raised(generation, blames_state=blames_state)


class KeepsSnapshots:
    """The part of the port ``System`` that is about them."""

    machine: Simulation
    path: str

    def effect(self, what: str) -> None:
        raise NotImplementedError

    def snapshots(self) -> SimulatedSnapshots:
        return SimulatedSnapshots(self, self.machine.shelves)

"""Callables of batches in one worker: called one after the other beside its mailbox, their results kept until noted.

The calling thread takes the next callable, and the mailbox takes away what has not begun and collects what has ended;
each touches the queue for a moment only, under one lock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from msgspec import Struct, field

from aidos_actors.core.orders import AttemptKey, AttemptOutcome, Call, CallEnded, CallSpan

CHUNK_S = 0.01
RESULTS_CHARS_MAX = 100_000


class CallMark(Protocol):
    """Which callable is being called, so that it is known after the death of its process. One at a time."""

    def begin(self, key: AttemptKey, limit_s: float) -> None:
        """It is being called from here on, and should end within ``limit_s`` seconds. After its end it stays the one
        begun last: its result is not on record yet."""

    def rest(self) -> None:
        """None is being called, or it was given up, and nobody minds any more how long it takes."""


class Current(Struct):
    """The callable that is being called, since ``began_at`` (seconds of the queue's clock)."""

    requirement: str
    call: Call
    began_at: float

    @property
    def key(self) -> AttemptKey:
        return AttemptKey(self.requirement, self.call.task, self.call.number)


class Told(Struct):
    """Results that the Scheduler was told of under ``seq`` and has not noted yet."""

    seq: int
    requirement: str
    results: tuple[CallEnded, ...]
    spans: tuple[CallSpan, ...]


class _Pile(Struct):
    """Results of one requirement, not told yet."""

    results: list[CallEnded] = field(default_factory=list)
    spans: dict[str, tuple[int, float]] = field(default_factory=dict)


class CallQueue:
    """``begin_next`` and ``end`` from one thread at a time, everything else from the mailbox. ``mark`` is told of each
    callable before it is called, and after it."""

    def __init__(self, mark: CallMark, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._mark = mark
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, Call]] = deque()
        self._held: set[AttemptKey] = set()
        self._ended: dict[str, _Pile] = {}
        self._told: dict[int, Told] = {}
        self._seq = 0
        self._abandoned: AttemptKey | None = None
        self.current: Current | None = None

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def held(self) -> tuple[AttemptKey, ...]:
        """All that waits, is being called, or has a result that was not noted yet."""
        with self._lock:
            return tuple(self._held)

    def holds(self, key: AttemptKey) -> bool:
        return key in self._held

    def add(self, requirement: str, calls: Iterable[Call]) -> None:
        """Those that are not held already wait, in order."""
        with self._lock:
            for call in calls:
                key = AttemptKey(requirement, call.task, call.number)
                if key not in self._held:
                    self._held.add(key)
                    self._waiting.append((requirement, call))

    def begin_next(self) -> Current | None:
        """The next callable, which is to be called now; None when none waits, or the last was abandoned."""
        with self._lock:
            if not self._waiting or self._abandoned is not None:
                return None
            current = self.current = Current(*self._waiting.popleft(), self.clock())
        self._mark.begin(current.key, current.call.timeout_s)
        return current

    def end(self, current: Current, ended: CallEnded) -> None:
        """It has ended, unless it was abandoned meanwhile."""
        now = self.clock()
        with self._lock:
            self.current = None
            if self._abandoned == current.key:
                return
            self._keep(current.requirement, ended)
            spans = self._ended[current.requirement].spans
            calls, span_s = spans.get(current.call.function, (0, 0.0))
            spans[current.call.function] = (calls + 1, span_s + now - current.began_at)

    def rest(self) -> None:
        """For a while nothing more is begun."""
        self._mark.rest()

    def take_back(self, outcome: AttemptOutcome, keys: Iterable[AttemptKey] | None = None) -> None:
        """Those of ``keys`` (None: all) that have not begun never will; each has ended with ``outcome``."""
        wanted = None if keys is None else set(keys)
        with self._lock:
            rest: deque[tuple[str, Call]] = deque()
            for requirement, call in self._waiting:
                if wanted is None or AttemptKey(requirement, call.task, call.number) in wanted:
                    self._keep(requirement, CallEnded(call.task, call.number, None, outcome))
                else:
                    rest.append((requirement, call))
            self._waiting = rest

    def abandon(self, outcome: AttemptOutcome) -> AttemptKey | None:
        """The callable that is being called has ended with ``outcome``, whatever becomes of it; which that is."""
        with self._lock:
            current = self.current
            if current is None or self._abandoned is not None:
                return None
            self._abandoned = current.key
            self._mark.rest()
            self._keep(current.requirement, CallEnded(current.call.task, current.call.number, None, outcome))
            return current.key

    def tell(self) -> list[Told]:
        """What has ended since the last time, to be told under numbers of its own."""
        with self._lock:
            piles, self._ended = self._ended, {}
        return [told for requirement, pile in piles.items() for told in self._parcels(requirement, pile)]

    def untold(self) -> list[Told]:
        """What was told and not noted: to be told again."""
        return list(self._told.values())

    def noted(self, seq: int) -> None:
        """The Scheduler has it on disk, or does not want it."""
        told = self._told.pop(seq, None)
        if told is not None:
            with self._lock:
                self._held.difference_update(AttemptKey(told.requirement, e.task, e.number) for e in told.results)

    def _keep(self, requirement: str, ended: CallEnded) -> None:
        self._ended.setdefault(requirement, _Pile()).results.append(ended)

    def _parcels(self, requirement: str, pile: _Pile) -> list[Told]:
        """Each small enough for one message."""
        parcels: list[list[CallEnded]] = [[]]
        chars = 0
        for ended in pile.results:
            size = len(ended.result or "")
            if parcels[-1] and chars + size > RESULTS_CHARS_MAX:
                parcels.append([])
                chars = 0
            parcels[-1].append(ended)
            chars += size
        spans = tuple(CallSpan(function, *span) for function, span in pile.spans.items())
        return [self._numbered(requirement, results, spans if results is parcels[0] else ()) for results in parcels]

    def _numbered(self, requirement: str, results: list[CallEnded], spans: tuple[CallSpan, ...]) -> Told:
        self._seq += 1
        told = self._told[self._seq] = Told(self._seq, requirement, tuple(results), spans)
        return told


def run_chunk(queue: CallQueue, carry: Callable[[str, Call], CallEnded]) -> None:
    """Callables were called until none waits or some ``CHUNK_S`` have passed. ``carry`` returns how one ended."""
    until = queue.clock() + CHUNK_S
    while (current := queue.begin_next()) is not None:
        queue.end(current, carry(current.requirement, current.call))
        if queue.clock() >= until:
            break
    queue.rest()

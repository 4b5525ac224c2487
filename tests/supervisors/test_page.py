"""The shared page: what one process writes another reads, and entries that are used again."""

from __future__ import annotations

import os
import signal

from supervisors.liveness import Beat, Stage
from supervisors.systems.page import ENTRIES_PER_SHEET, MARKS_MAX, TEXT_BYTES_MAX, Page


def test_what_a_fork_child_writes_its_parent_reads() -> None:
    page = Page()
    pens = [page.take(generation, 1.0) for generation in range(1, 4)]
    pid = os.fork()
    if pid == 0:
        pens[1].beat(2.0, Stage.SERVING)
        pens[1].enter(3.0)
        pens[1].leave(4.0, 1)
        pens[1].enter(5.0)
        pens[1].degrade("no disk")
        os._exit(0)
    os.waitpid(pid, 0)
    assert pens[0].read() == Beat(1, beat_at=1.0)
    assert pens[1].read() == Beat(2, Stage.SERVING, 5.0, 5.0, handled=1, progress=1, degraded="no disk")
    assert pens[2].read() == Beat(3, beat_at=1.0)


def test_a_pen_of_an_earlier_generation_writes_nothing() -> None:
    page = Page()
    old = page.take(1, 1.0)
    old.enter(2.0)
    page.give_back(old)
    new = page.take(2, 3.0)
    old.enter(4.0)
    old.leave(5.0, 1)
    old.beat(6.0, Stage.STOPPING)
    old.degrade("mine")
    assert new.read() == Beat(2, beat_at=3.0)


def test_more_children_than_a_sheet_holds_and_entries_used_again() -> None:
    page = Page()
    pens = [page.take(generation, 1.0) for generation in range(1, 3 * ENTRIES_PER_SHEET)]
    for pen in pens:
        pen.enter(float(pen.generation))
    assert all(pen.read().busy_since == pen.generation for pen in pens)
    for pen in pens:
        page.give_back(pen)
    assert {page.take(9, 2.0).read() for _ in pens} == {Beat(9, beat_at=2.0)}


def test_a_long_reason_is_cut() -> None:
    pen = Page().take(1, 1.0)
    pen.degrade("x" + "磁" * 100)
    cut = pen.read().degraded
    assert cut == ("x" + "磁" * 100)[: len(cut)] and TEXT_BYTES_MAX - 3 < len(cut.encode()) <= TEXT_BYTES_MAX
    pen.degrade("")
    assert pen.read().degraded == ""


def test_what_a_process_had_begun_is_read_after_its_end() -> None:
    page = Page()
    pens = [page.take(generation, 1.0) for generation in (1, 2)]
    pid = os.fork()
    if pid == 0:
        for mark, number in ((7, 1), (2**64 - 1, 1), (7, 2)):
            pens[0].begun(mark, number)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert [pen.marks() for pen in pens] == [{7: 2, 2**64 - 1: 1}, {}]
    page.give_back(pens[0])
    next_pen = page.take(3, 2.0)
    pens[0].begun(7, 3)
    assert next_pen.marks() == {}, "nothing of the one before it, and nothing by it"


def test_of_more_senders_than_there_is_room_for_the_first_are_forgotten() -> None:
    pen = Page().take(1, 1.0)
    for mark in range(MARKS_MAX + 2):
        pen.begun(mark, 1 + mark)
    assert pen.marks() == {mark: 1 + mark for mark in range(2, MARKS_MAX + 2)}

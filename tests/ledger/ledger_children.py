"""What child processes of the ledger's tests do: ``python ledger_children.py VERB ARGUMENT…``, one line an answer."""

from __future__ import annotations

import errno
import itertools
import os
import resource
import signal
import sys
from pathlib import Path

from ledger_cases import NOON, a_requirement, an_event, numbered, work_through

from aidos_actors.core.errors import AidosError
from aidos_actors.core.records import Batch
from aidos_actors.ledger.day_file import DayFile
from aidos_actors.ledger.ledger import Ledger


def say(*words: object) -> None:
    os.write(1, " ".join(map(str, words)).encode() + b"\n")


def hold(state_dir: Path) -> None:
    """Keeps a ledger open until its standard input ends."""
    ledger = Ledger.open(state_dir, what_for="holder")
    say("epoch", ledger.begin_epoch(NOON))
    sys.stdin.read()
    ledger.close()


def hold_and_fork(state_dir: Path) -> None:
    """A holder whose fork child outlives it: says the child's pid; the child ends with its standard input."""
    ledger = Ledger.open(state_dir, what_for="parent")
    child = os.fork()
    if child:
        say("child", child)
        signal.pause()
    say("held", ledger._lock.is_held)
    sys.stdin.read()
    os._exit(0)


def nursery(state_dir: Path) -> None:
    """For each line read: a fork child that writes batches until it is killed, saying each acknowledged one."""
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            write_for_ever(state_dir)
        say("pid", child)
        os.waitpid(child, 0)
        say("ended", child)


def write_for_ever(state_dir: Path) -> None:
    ledger = Ledger.open(state_dir)
    epoch = ledger.begin_epoch(NOON)
    for number in itertools.count(ledger.last_seq()):
        say("acknowledged", number, ledger.apply(epoch, numbered(number)))


def work_for_ever(state_dir: Path) -> None:
    """One requirement after the other, saying each that is done."""
    ledger = Ledger.open(state_dir)
    for number in itertools.count():
        work_through(ledger, f"r{number}", fails=1)
        say("done", number)


def die_between(state_dir: Path, share: str) -> None:
    """One acknowledged batch; then SIGKILL by itself with ``share`` percent of the day file's lines written, and the
    transaction not committed."""
    ledger = Ledger.open(state_dir)
    epoch = ledger.begin_epoch(NOON)
    say("acknowledged", 0, ledger.apply(epoch, numbered(0)))
    whole = DayFile.append

    def part(file: DayFile, data: bytes) -> int:
        whole(file, data[: len(data) * int(share) // 100])
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    DayFile.append = part  # type: ignore[method-assign]
    ledger.apply(epoch, numbered(1))


def fill(state_dir: Path) -> None:
    """Writes until no file may grow any further, says the error; then writes on with the limit lifted."""
    ledger = Ledger.open(state_dir)
    epoch = ledger.begin_epoch(NOON)
    ledger.apply(epoch, Batch(requirements=(a_requirement(),)))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, hard))
    number = 0
    try:
        for number in itertools.count():
            data = {"text": "x" * 5_000}
            ledger.apply(
                epoch, Batch(numbered(number).requirements, numbered(number).tasks, (), (an_event(data=data),))
            )
    except AidosError as error:
        say(error.code, error.exit_code, number)
    say("seq", ledger.last_seq(), "tasks", len(ledger.tasks("shop")))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    say("seq", ledger.apply(epoch, Batch(events=(an_event(),))))
    ledger.close()


def fill_lock(state_dir: Path) -> None:
    """Opens a ledger where not one byte fits."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    try:
        Ledger.open(state_dir)
    except AidosError as error:
        assert isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EFBIG
        say(error.code)


def imports(state_dir: Path) -> None:
    """Whether opening a current ledger, or making one, imports Alembic or SQLAlchemy."""
    Ledger.open(state_dir).close()
    say(not sys.modules.keys().isdisjoint({"alembic", "sqlalchemy"}))


if __name__ == "__main__":
    verb, folder, *more = sys.argv[1:]
    globals()[verb](Path(folder), *more)

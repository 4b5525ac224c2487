"""Starts an order's command: a fork of the minder that becomes the command, or says why it cannot."""

from __future__ import annotations

import errno
import os

from aidos_actors.executors import linux, protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ERROR_BYTES_MAX = 4096
_LACKING = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)


def open_streams(order: dict[str, Any], given: dict[str, int]) -> tuple[int, int, int]:
    """Descriptors for 0, 1 and 2 of the command, all of them among ``given``. Raises OSError, e.g. when the output file
    cannot be opened."""
    if protocol.STDIN not in given:
        given[protocol.STDIN] = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    if order["output_path"] is None:
        return given[protocol.STDIN], given[protocol.STDOUT], given[protocol.STDERR]
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    output = given[protocol.OUTPUT] = os.open(order["output_path"], flags, 0o644)
    return given[protocol.STDIN], output, output


def start(order: dict[str, Any], streams: tuple[int, int, int]) -> int:
    """The pid of the started command, in a process group of its own. Raises OSError with the reason when it is not."""
    told, tell = os.pipe2(os.O_CLOEXEC)
    me = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(order, streams, tell, me)
    os.close(tell)
    try:
        error = os.read(told, ERROR_BYTES_MAX)  # ends by the exec, which closes the other end
    finally:
        os.close(told)
    if not error:
        return pid
    os.waitpid(pid, 0)
    raise OSError(error.decode(errors="replace"))


def _become(order: dict[str, Any], streams: tuple[int, int, int], tell: int, minder: int) -> None:
    """Never returns. Each page of memory that is touched here is copied first, so what the command is to inherit, but
    for this, the nursery has set long before (``keeper.main``)."""
    about = b""
    try:
        linux.die_with_parent(minder)  # survives the exec: the last resort when minder and nursery die together
        os.setpgid(0, 0)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        about = order["cwd"]
        os.chdir(about)
        about = order["argv"][0]
        execute = os.execve if b"/" in about else os.execvpe
        execute(about, order["argv"], order["env"])  # our other descriptors close themselves here
    except BaseException as error:
        os.write(tell, explain(error, about).encode(errors="replace")[:ERROR_BYTES_MAX])
    finally:
        os._exit(127)


def is_of_the_machine(error: BaseException) -> bool:
    """Whether the machine lacks something just now; the same order may start later."""
    return isinstance(error, OSError) and error.errno in _LACKING


def explain(error: BaseException, about: bytes = b"") -> str:
    """A sentence's end: which file, and what is wrong with it."""
    if isinstance(error, OSError) and error.strerror:
        name = about or error.filename
        return f"{os.fsdecode(name)!r}: {error.strerror}" if name else error.strerror
    return str(error) or type(error).__name__

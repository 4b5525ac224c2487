"""A requirement file from the disk: whatever stands at the path, the answer is a requirement or a ``BadInput``."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from pathlib import Path

from aidos_actors.analyzers.document import REQUIREMENT_BYTES_MAX, read_requirement
from aidos_actors.analyzers.problems import WrongAgents, any_agents
from aidos_actors.core.errors import BadInput
from aidos_actors.core.requirement import Requirement

_CHUNK_BYTES = 1024 * 1024
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_requirement_file(
    path: str | os.PathLike[str],
    limit_bytes: int = REQUIREMENT_BYTES_MAX,
    wrong_agents: WrongAgents = any_agents,
) -> tuple[Requirement, str]:
    """The requirement in the file, and the file's text. Never blocks on what is not a regular file.

    ``repo`` is relative to the folder named in ``path``, also where the file itself is a link to elsewhere. Raises
    ``BadInput``; nothing was changed.
    """
    file = os.fspath(path)
    text = _decoded(_bytes_of(file, limit_bytes), file)
    if not text.strip():
        raise BadInput("the file is empty", file=file, line=1, hint="it needs at least `id` and `tasks`")
    base_dir = str(Path(file).absolute().parent)
    found = read_requirement(text, file=file, base_dir=base_dir, limit_bytes=limit_bytes, wrong_agents=wrong_agents)
    return found, text


_READING = os.O_RDONLY
for _flag in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):  # `plan` reads files on every platform
    _READING |= getattr(os, _flag, 0)


def _bytes_of(file: str, limit_bytes: int) -> bytes:
    try:
        _refuse_unfit(os.stat(file), file, limit_bytes)  # noqa: PTH116  opening a device could already do something
        # It may have become a pipe since: non-blocking, and looked at again.
        handle = os.open(file, _READING)
        try:
            _refuse_unfit(os.fstat(handle), file, limit_bytes)
            return _all_of(handle, file, limit_bytes)
        finally:
            os.close(handle)
    except OSError as error:
        raise _unreadable(error, file) from None
    except ValueError:
        raise BadInput(f"{file!r} cannot be a path", hint="name an existing file") from None


def _refuse_unfit(status: os.stat_result, file: str, limit_bytes: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise BadInput("this is a directory, not a file", file=file, hint="name the requirement file inside it")
    if not stat.S_ISREG(status.st_mode):
        what = _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
        raise BadInput(f"this is {what}, not a regular file", file=file, hint="write the requirement into a file")
    if status.st_size > limit_bytes:
        raise _too_large(file, limit_bytes)


def _all_of(handle: int, file: str, limit_bytes: int) -> bytes:
    """A file may grow, or give its size as 0 as those of /proc do, so the limit is kept while reading too."""
    data = bytearray()
    while chunk := os.read(handle, _CHUNK_BYTES):
        data += chunk
        if len(data) > limit_bytes:
            raise _too_large(file, limit_bytes)
    return bytes(data)


def _too_large(file: str, limit_bytes: int) -> BadInput:
    hint = "split the requirement, or raise limits.requirement_bytes in aidos.toml"
    return BadInput(f"the file is over the limit of {limit_bytes:,} bytes", file=file, hint=hint)


def _unreadable(error: OSError, file: str) -> BadInput:
    if error.errno == errno.ENOENT:
        if Path(file).is_symlink():
            target = os.readlink(file)  # noqa: PTH115  the text of the link, not a path made of it
            return BadInput(f"this is a link to {target!r}, which does not exist", file=file, hint="mend the link")
        return BadInput("there is no such file", file=file, hint=f"the path was looked up from {_working_folder()}")
    if error.errno in (errno.EACCES, errno.EPERM):
        return BadInput("you may not read this file", file=file, hint="look at its permissions and its folders'")
    if error.errno == errno.ELOOP:
        return BadInput("this link leads in a circle", file=file, hint="mend the link")
    return BadInput(f"cannot be read: {error.strerror}", file=file, hint="check the path and the disk it is on")


def _working_folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return "a working folder that is gone"


def _decoded(data: bytes, file: str) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise BadInput("the file is UTF-16, not UTF-8", file=file, line=1, hint="save it as UTF-8")
    nul_at = data.find(b"\0")
    if nul_at >= 0:
        line = data.count(b"\n", 0, nul_at) + 1
        what = f"a binary file: NUL at byte {nul_at:,}"
        raise BadInput(what, file=file, line=line, hint="name a text file in YAML, saved as UTF-8")
    body = data.removeprefix(codecs.BOM_UTF8)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        at = error.start + len(data) - len(body)
        what = f"not UTF-8: byte 0x{body[error.start]:02x} at offset {at:,}"
        raise BadInput(what, file=file, line=line, hint="save the file as UTF-8") from None

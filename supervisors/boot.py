"""How guardian and launcher are exec'ed: fresh interpreters that get everything in memory, nothing on the command line.

Both run with ``-P``; the packages they belong to are imported from the folders the starter imported them from, before
the starter's ``sys.path`` is put in place, so that a user's own folder of the same name shadows nothing. No garbage is
looked for while they import: it takes a tenth of the time, and finds nothing.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supervisors.errors import SupervisorError

BOOT = """\
import sys, os, pickle, gc
gc.disable()
with os.fdopen(int(sys.argv[1]), "rb") as file:
    boot, body = pickle.load(file), file.read()
if boot["parent"] is not None:
    import ctypes
    ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
    if os.getppid() != boot["parent"]:
        os._exit(77)
base = list(sys.path)
for name, folder in boot["packages"]:
    sys.path[:] = [folder, *base]
    __import__(name)
sys.path[:] = boot["path"]
from importlib import import_module
main = import_module(boot["main"]).main
gc.freeze()
gc.enable()
main(body)
"""


def command(main: str, body: bytes, packages: tuple[str, ...], parent: int | None = None) -> tuple[list[str], int]:
    """The argv that runs ``main`` (a module with ``main(body)``), and the descriptor it must inherit. The caller closes
    the descriptor after the start. With ``parent`` it gets SIGKILL when the thread of that process which starts it has
    ended: from its first moment, since its imports may take longer than it may outlive its parent."""
    folders = [(name, str(Path(str(sys.modules[name].__file__)).resolve().parents[1])) for name in packages]
    boot = {"main": main, "packages": folders, "path": absolute_path(), "parent": parent}
    fd = in_memory(pickle.dumps(boot), body)
    return [sys.executable, "-P", "-c", BOOT, str(fd)], fd


def in_memory(*parts: bytes) -> int:
    """The descriptor of a file that lives in memory only, to be read from its beginning; the caller closes it."""
    fd = os.memfd_create("boot")
    for part in parts:
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(fd, rest) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def absolute_path() -> list[str]:
    """This interpreter's ``sys.path`` with the working folder spelled out."""
    return [entry or str(Path.cwd()) for entry in sys.path]


def load_main(main_file: Mapping[str, Any]) -> None:
    """The program's main file has been loaded as multiprocessing's spawn does it, under another name than its own."""
    from multiprocessing import spawn

    _loading_main.append(str(main_file.get("init_main_from_path", main_file.get("init_main_from_name"))))
    try:
        spawn.prepare(dict(main_file))
    finally:
        _loading_main.pop()


_loading_main: list[str] = []


def refuse_while_main_is_loaded() -> None:
    """SupervisorError ``not_importable`` where a main file starts a tree whenever it is loaded."""
    if _loading_main:
        why = f"{_loading_main[0]} starts a tree when it is loaded for its classes"
        raise SupervisorError("not_importable", f"{why}; do it under `if __name__ == '__main__':`")


def main_module() -> Mapping[str, Any]:
    """What multiprocessing's spawn would tell a child of this program's main file; nothing where there is none to read,
    as when the program came on stdin."""
    from multiprocessing import spawn

    data = spawn.get_preparation_data("aidos")
    if not Path(data.get("init_main_from_path", __file__)).is_file():
        return {}
    return {name: data[name] for name in ("init_main_from_name", "init_main_from_path") if name in data}

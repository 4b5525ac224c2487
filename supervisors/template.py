"""The process that launchers are forked from: it has imported what they need, and does nothing until it is ordered.

It is a child of the guardian, has one thread, and holds nothing of any system: no key, no descriptor, no file of the
state directory. A launcher is forked from it twice over, so that it becomes the guardian's own child, and takes every
step that one would take that was exec'ed; it only finds its modules imported. Where a fork would not do (the code on
disk is another one by now, or the program's modules have started threads or processes) the launcher is exec'ed.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import socket
import sys
import traceback

from supervisors import boot, launch
from supervisors.charge import ORDER, READY, Descriptors, Needs, Orders
from supervisors.forked import is_alone
from supervisors.linux import children
from supervisors.marked import show_variable
from supervisors.orphans import end_orphans
from supervisors.source_files import SourceFiles
from supervisors.specs import SupervisorSpec
from supervisors.title import take_title
from supervisors.watchman import MARK

DESCRIPTORS_MAX = 4


def main(body: bytes) -> None:
    """Fork a launcher for each order, until the guardian has closed its end."""
    needs: Needs = pickle.loads(body)  # noqa: S301 - from our own guardian, in memory
    take_title(f"{needs.title} template")
    if os.environ.get(MARK) != needs.mark:
        show_variable(MARK, needs.mark)
    link = socket.socket(fileno=needs.link_fd)
    gc.disable()  # what is imported stays: to look through it takes a tenth of the time
    _import(needs)
    must_exec = not (is_alone() and not children(os.getpid()))  # a fork would lack what the others hold
    end_orphans(())  # a launcher that is exec'ed starts its own
    source = SourceFiles.imported()
    sys._clear_type_cache()  # else each process, as it fills its own, writes to the names of what the imports looked up
    gc.freeze()
    gc.enable()
    with contextlib.suppress(OSError):  # a guardian that has ended takes this process with it
        link.send(READY)
    while True:
        word, fds = b"", list[int]()
        with contextlib.suppress(OSError):  # a guardian that was killed has closed it another way
            word, fds, _, _ = socket.recv_fds(link, len(ORDER), DESCRIPTORS_MAX, socket.MSG_CMSG_CLOEXEC)
        if not word:
            os._exit(0)
        is_outdated = source.have_changed()
        _fork_launcher(needs, link, fds, must_exec or is_outdated)
        for fd in fds:
            os.close(fd)
        if is_outdated:
            os._exit(0)  # the guardian starts another, which reads what is there now


def _import(needs: Needs) -> None:
    """All modules that a launcher or a process of its tree imports are here, as far as they can be imported. What is
    wrong with them is said by the launcher, which tries again."""
    with contextlib.suppress(BaseException):
        __import__("supervisors.systems.thespian_portal")
        for name in _preloads(launch.described(needs.spec, needs.main)):
            with contextlib.suppress(Exception):
                __import__(name)


def _preloads(spec: SupervisorSpec) -> list[str]:
    """The modules that any supervisor of the tree imports for its children."""
    below = [child for child in spec.children if isinstance(child, SupervisorSpec)]
    return [*spec.preload, *(name for child in below for name in _preloads(child))]


def _fork_launcher(needs: Needs, link: socket.socket, fds: list[int], must_exec: bool) -> None:
    """A launcher that carries out the order in ``fds`` is on its way, as a child of the guardian. When there could be
    none, the guardian sees it by the descriptors, which nobody holds any more.

    Until it has been adopted, the launcher waits for this process's word, and ends when none can come: so the death of
    any of the three processes above it is its own. The one between that was killed has not handed it over.
    """
    hear, tell = os.pipe()
    try:
        between = os.fork()
        if between == 0:
            _fork_again(needs, link, fds, hear, tell, must_exec)
        _, status = os.waitpid(between, 0)
        if status == 0:
            os.write(tell, b"!")
    except OSError as error:  # no room for another process
        print(f"no launcher could be forked: {error}", file=sys.stderr, flush=True)
    finally:
        os.close(hear)
        os.close(tell)


def _fork_again(needs: Needs, link: socket.socket, fds: list[int], hear: int, tell: int, must_exec: bool) -> None:
    """The process between template and launcher; it and the launcher never return from here."""
    code = 1
    try:
        if os.fork() == 0:
            os.close(tell)
            link.close()
            if os.read(hear, 1):
                os.close(hear)
                _be_launcher(needs, fds, must_exec)
        else:
            code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _be_launcher(needs: Needs, fds: list[int], must_exec: bool) -> None:
    order, guardian, listener, *channel = fds
    with os.fdopen(order, "rb") as file:
        orders: Orders = pickle.load(file)  # noqa: S301 - from our own guardian, in memory
    given = Descriptors(guardian, listener, channel[0] if channel else None)
    launch.be_born(orders, given)
    if not must_exec:
        launch.run(orders, given)
        return
    for fd in fds[1:]:
        os.set_inheritable(fd, True)
    body = pickle.dumps((orders, given))
    argv, fd = boot.command("supervisors.launch", body, needs.packages, needs.guardian_pid)
    os.set_inheritable(fd, True)
    os.execv(argv[0], argv)

"""Launchers are forked from a template where that is as good as an exec, and exec'ed where it is not."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisors import ActorTree, ChildSpec, SupervisorSpec
from supervisors.linux import children, start_ticks
from supervisors.source_files import SourceFiles
from tests.supervisors.template_actors import Told
from tests.supervisors.test_guardian import eventually


def tree_of(actor: type, folder: Path) -> ActorTree:
    spec = SupervisorSpec(id="root", children=(ChildSpec(id="a", actor=actor),))
    return ActorTree.start(spec, state_dir=folder, title="told")


def template_of(tree: ActorTree) -> int | None:
    """The pid of the template that its guardian has just now, once it has imported everything."""
    for pid in children(tree.pids["guardian"]):
        if title_of(pid) == "told template" and state_of(pid) == "S":
            return pid
    return None


def title_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def again(tree: ActorTree) -> Any:
    """The answer of the next system, after the admin of this one was killed."""
    healed = tree.heals + 1
    os.kill(tree.pids["admin"], signal.SIGKILL)
    eventually(lambda: tree.heals == healed)
    return eventually(lambda: tree.ask("a", "?"))


def open_files(pid: int) -> list[str]:
    return sorted(str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir())


def test_each_system_is_forked_from_one_template_and_shares_nothing_else_with_it(tmp_path: Path) -> None:
    with tree_of(Told, tmp_path) as tree:
        template = eventually(lambda: template_of(tree))
        files = eventually(lambda: open_files(template))
        first, second = tree.ask("a", "?"), again(tree)
        assert first[0] == second[0] == template
        assert first[1] != second[1], "two systems draw the same numbers"
        launcher = tree.pids["launcher"]
        assert launcher in children(tree.pids["guardian"]) and title_of(launcher) == "told launcher"
        assert open_files(template) == files, "it keeps what it has handed on"
        ours = [name for name in files if name.startswith("socket:")]
        assert len(ours) == 1 and ours[0] not in open_files(launcher), "a launcher holds the template's orders"
    assert start_ticks(template) is None and start_ticks(launcher) is None


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
def test_a_template_that_is_no_use_is_replaced_and_its_system_does_not_notice(tmp_path: Path, signum: int) -> None:
    with tree_of(Told, tmp_path) as tree:
        before = eventually(lambda: template_of(tree))
        pids = dict(tree.pids)
        os.kill(before, signum)
        if signum == signal.SIGKILL:
            eventually(lambda: template_of(tree) not in (None, before))
        assert tree.heals == 0 and tree.pids == pids and tree.ask("a", "?")[0] == before
        assert again(tree)[0] == template_of(tree) != before
        assert start_ticks(before) is None


def test_a_template_killed_before_its_first_order_costs_one_more_start(tmp_path: Path) -> None:
    """The order was on its way: nobody is left who could become the launcher, and the guardian sees it."""
    killed: list[int] = []

    def kill() -> None:
        def find() -> bool:
            for guardian in children(os.getpid()):
                for pid in children(guardian):
                    if title_of(pid).startswith("told template") or "-P" in title_of(pid).split("\0"):
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)
                        return True
            return False

        eventually(find)

    thread = threading.Thread(target=kill)
    thread.start()
    with tree_of(Told, tmp_path) as tree:
        thread.join()
        assert killed and tree.ask("a", "?")[0] != killed[0]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a module ``told_of_late`` with an actor ``Told``."""
    file = tmp_path / "told_of_late.py"
    file.write_text(Path(sys.modules[Told.__module__].__file__ or "").read_text())
    monkeypatch.syspath_prepend(str(tmp_path))
    yield file
    sys.modules.pop(file.stem, None)


def test_code_that_has_changed_on_disk_is_read_again(tmp_path: Path, written: Path) -> None:
    actor = importlib.import_module(written.stem).Told
    with tree_of(actor, tmp_path / "state") as tree:
        before = eventually(lambda: template_of(tree))
        assert tree.ask("a", "?")[0] == before
        written.write_text(written.read_text().replace("os.getpid()", "'new', os.getpid()"))
        assert again(tree)[0] == ("new", tree.pids["launcher"])
        after = eventually(lambda: template_of(tree))
        assert after != before and again(tree)[0] == ("new", after)


@pytest.mark.parametrize(
    "line",
    [
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()",
        "import subprocess; HELD = subprocess.Popen(['sleep', '600'])",
    ],
)
def test_modules_that_start_something_when_imported_are_imported_by_each_launcher(
    tmp_path: Path, written: Path, line: str
) -> None:
    actor = importlib.import_module(written.stem).Told
    written.write_text(f"{written.read_text()}\nif 'told' in open('/proc/self/cmdline').read():\n    {line}\n")
    with tree_of(actor, tmp_path / "state") as tree:
        assert tree.ask("a", "?")[0] == tree.pids["launcher"]
        assert again(tree)[0] == tree.pids["launcher"]


def test_a_package_that_starts_something_in_its_guardian_is_imported_by_each_launcher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "import subprocess; HELD = subprocess.Popen(['sleep', '600'])"
    (tmp_path / "starting").mkdir()
    (tmp_path / "starting" / "__init__.py").write_text(f"if 'boot' in open('/proc/self/cmdline').read():\n    {line}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("starting")
    spec = SupervisorSpec(id="root", children=(ChildSpec(id="a", actor=Told),))
    packages = ("supervisors", "starting")
    with ActorTree.start(spec, state_dir=tmp_path / "state", title="told", packages=packages) as tree:
        assert tree.ask("a", "?")[0] == tree.pids["launcher"]
    sys.modules.pop("starting")


def test_a_guardian_that_can_start_no_template_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python, real = tmp_path / "bin" / "python", Path(sys.executable)
    python.parent.mkdir()
    python.symlink_to(real)
    for entry in real.parents[1].iterdir():  # an environment like the one we are in
        if entry != real.parent:
            (tmp_path / entry.name).symlink_to(entry)
    monkeypatch.setattr(sys, "executable", str(python))
    with tree_of(Told, tmp_path / "state") as tree:
        template = eventually(lambda: template_of(tree))
        python.unlink()
        os.kill(template, signal.SIGKILL)
        eventually(lambda: start_ticks(template) is None)
        os.kill(tree.pids["admin"], signal.SIGKILL)
        eventually(lambda: tree.heals >= 2)
        python.symlink_to(real)
        assert eventually(lambda: tree.ask("a", "?"))[0] == template_of(tree)


def test_files_that_are_missing_have_not_changed_and_others_have(tmp_path: Path) -> None:
    gone, changed = tmp_path / "gone", tmp_path / "changed"
    for file in (gone, changed):
        file.write_text("a")
    files = SourceFiles({str(gone), str(changed), str(tmp_path / "never")})
    gone.unlink()
    assert not files.have_changed()
    changed.write_text("other")
    assert files.have_changed()

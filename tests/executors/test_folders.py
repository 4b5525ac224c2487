"""Folders are taken away whatever is in them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from aidos_actors.folders import delete_tree

NAME = "a folder in a folder"


def deep(top: Path, depth: int) -> None:
    """So many folders, one in the other, and a file in the last."""
    handle = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(NAME, dir_fd=handle)
        inner = os.open(NAME, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)


def test_what_is_deeper_than_a_path_can_say_goes(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    deep(top, 2_000)
    delete_tree(top)
    assert not top.exists()


def test_a_tree_goes_with_all_that_is_in_it_and_nothing_that_is_not(tmp_path: Path) -> None:
    top, elsewhere = tmp_path / "top", tmp_path / "elsewhere"
    inner = top / "a" / "b"
    inner.mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "stays").touch()
    (top / "link").symlink_to(elsewhere)
    (inner / "link").symlink_to("..")
    os.mkfifo(inner / "pipe")
    (inner / "file").touch()
    inner.chmod(stat.S_IRUSR)
    (top / "a").chmod(0)
    delete_tree(top)
    assert not top.exists() and (elsewhere / "stays").exists()
    link = tmp_path / "link"
    link.symlink_to(elsewhere)
    delete_tree(link)
    assert not link.is_symlink() and (elsewhere / "stays").exists()

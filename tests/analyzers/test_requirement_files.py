"""What stands at the path of a requirement: a file, a link, a pipe, a device, bytes that are no text, or nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from test_bad_input import GOOD

from aidos_actors.analyzers.files import read_requirement_file
from aidos_actors.core.errors import BadInput


def file_refusal(path: str | Path, limit_bytes: int = 1_000) -> BadInput:
    with pytest.raises(BadInput) as refused:
        read_requirement_file(path, limit_bytes=limit_bytes)
    assert refused.value.hint
    assert refused.value.file in ("", os.fspath(path))
    return refused.value


@contextmanager
def without_rights() -> Iterator[None]:
    """Root may read everything, so it steps down for a moment."""
    if os.geteuid() != 0:
        yield
        return
    try:
        os.seteuid(65_534)
    except OSError as error:
        pytest.skip(f"cannot step down from root: {error}")
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_good_file_and_its_text(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(GOOD + "repo: shop\n")
    requirement, text = read_requirement_file(path)
    assert (requirement.repo, text) == (str(tmp_path / "shop"), GOOD + "repo: shop\n")


def test_a_mark_of_utf_8_is_not_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert read_requirement_file(str(path))[1] == GOOD


def test_repo_is_relative_to_the_folder_named_also_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "named").mkdir()
    (tmp_path / "store" / "real.yaml").write_text("repo: .\n" + GOOD)
    link = tmp_path / "named" / "r.yaml"
    link.symlink_to(tmp_path / "store" / "real.yaml")
    assert read_requirement_file(link)[0].repo == str(tmp_path / "named")


def test_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r.yaml").write_text("repo: .\n" + GOOD)
    monkeypatch.chdir(tmp_path)
    assert read_requirement_file("r.yaml")[0].repo == str(tmp_path)


def test_no_such_file(tmp_path: Path) -> None:
    assert "no such file" in file_refusal(tmp_path / "r.yaml").message
    (tmp_path / "file").touch()
    assert "Not a directory" in file_refusal(tmp_path / "file" / "r.yaml").message


def test_a_dangling_link_and_a_circle_of_links(tmp_path: Path) -> None:
    link = tmp_path / "r.yaml"
    link.symlink_to("gone.yaml")
    assert "a link to 'gone.yaml', which does not exist" in file_refusal(link).message
    ring = tmp_path / "ring.yaml"
    ring.symlink_to("ring.yaml")
    assert "in a circle" in file_refusal(ring).message


def test_a_directory(tmp_path: Path) -> None:
    assert "a directory" in file_refusal(tmp_path).message


def test_a_named_pipe_never_blocks(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    os.mkfifo(path)
    assert "a named pipe" in file_refusal(path).message


def test_a_socket_and_a_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("r.yaml")  # a short name: paths of sockets end at 107 bytes
        assert "a socket" in file_refusal(tmp_path / "r.yaml").message
    assert "a device" in file_refusal("/dev/zero").message


def test_a_path_that_is_none() -> None:
    assert "cannot be a path" in file_refusal("a\0b").message
    assert "File name too long" in file_refusal("a" * 300).message


def test_over_the_limit_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(GOOD)
    assert read_requirement_file(path, limit_bytes=len(GOOD))[0].id == "r"
    assert "over the limit of 10 bytes" in file_refusal(path, limit_bytes=10).message
    assert "limits.requirement_bytes" in file_refusal(path, limit_bytes=10).hint


def test_over_the_limit_while_reading() -> None:
    """Files of /proc give their size as 0 and are regular, so only reading shows how much there is."""
    assert Path("/proc/self/status").stat().st_size == 0
    assert "over the limit of 10 bytes" in file_refusal("/proc/self/status", limit_bytes=10).message


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"", 1, "the file is empty"),
        (b" \n\n", 1, "the file is empty"),
        (b"\xef\xbb\xbf", 1, "the file is empty"),
        (b"id: r\n\0\n", 2, "a binary file: NUL at byte 6"),
        (b"id: r\ntitle: caf\xe9\n", 2, "not UTF-8: byte 0xe9 at offset 16"),
        (b"\xef\xbb\xbfid: \xff\n", 1, "not UTF-8: byte 0xff at offset 7"),
        (GOOD.encode("utf-16"), 1, "UTF-16"),
    ],
)
def test_what_is_no_text(tmp_path: Path, data: bytes, line: int, message: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_bytes(data)
    error = file_refusal(path)
    assert error.line == line
    assert message in error.message


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(GOOD)
    path.chmod(0)
    with without_rights():
        error = file_refusal(path)
    assert "may not read" in error.message
    assert "permissions" in error.hint


def test_reading_leaves_no_file_open(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("id: [")
    before = os.listdir("/proc/self/fd")  # noqa: PTH208
    for _ in range(5):
        file_refusal(path)
        file_refusal(path, limit_bytes=1)
    assert len(os.listdir("/proc/self/fd")) <= len(before)  # noqa: PTH208

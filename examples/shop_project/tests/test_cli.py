from __future__ import annotations

from shop.cli import COMMANDS, command, main


def test_list_shows_every_product(capsys):
    assert main(["list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 8


def test_an_unknown_command_is_told_what_there_is(capsys):
    assert main(["dance"]) == 2
    assert "list" in capsys.readouterr().err


def test_every_command_can_be_run_and_says_what_it_does():
    assert list(COMMANDS) == sorted(COMMANDS)
    assert all(command(name).__doc__ for name in COMMANDS)

from __future__ import annotations

from shop.cli import main


def test_all_or_those_named(capsys):
    assert main(["stock"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 8
    assert main(["stock", "kettle"]) == 0
    assert capsys.readouterr().out.split() == ["kettle", "3"]

from __future__ import annotations

import pytest
from shop.cli import main


def test_the_receipt_is_printed(capsys):
    assert main(["buy", "sugar=10", "cup"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "To pay: 26.60"


@pytest.mark.parametrize("arguments", [[], ["sofa"], ["tea-black"], ["cup=many"]])
def test_what_cannot_be_bought_is_said(arguments, capsys):
    assert main(["buy", *arguments]) == 1
    assert "cannot be bought" in capsys.readouterr().err

from __future__ import annotations

from shop.cli import main


def test_the_best_product_is_the_first_line(capsys):
    assert main(["find", "gren", "tea", "in-stock"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["tea-green", "4.50", "Green", "tea"]


def test_nothing_found_is_said_by_the_exit_code(capsys):
    assert main(["find", "sofa"]) == 1


def test_a_wrong_filter_is_explained(capsys):
    assert main(["find", "tea", "price:cheap..dear"]) == 2
    assert "is no price" in capsys.readouterr().err

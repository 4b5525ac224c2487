"""``python -m tests.conformance``: every case on every leg, as a table. Exit 1 when one is not proven."""

from __future__ import annotations

import sys

import pytest

from tests.conformance.report import Report

PLACES = ["tests/conformance", "tests/supervisors"]


def main() -> int:
    report = Report()
    code = pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:], *PLACES], plugins=[report])
    return 1 if code not in (0, 5) or report.open_cases() else 0


if __name__ == "__main__":
    sys.exit(main())

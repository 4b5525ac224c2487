"""What looks like a secret in a text, hidden before the text goes to somebody else."""

from __future__ import annotations

import re

from aidos_actors.core.variable_names import SECRET_WORDS

SHOWN = "***"
_NAMES = rf"{SECRET_WORDS}|(?:api|access|private)[_-]?key"
_HIDDEN = (
    # name = value, "name": "value"
    (
        re.compile(
            rf"""(\b[\w.-]{{0,40}}(?:{_NAMES})\w{{0,20}}["']?\s{{0,4}}[=:]\s{{0,4}})("[^"]+"|'[^']+'|[^\s"',;]+)""",
            re.I,
        ),
        rf"\1{SHOWN}",
    ),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.I), rf"\1 {SHOWN}"),
    (re.compile(r"(://)[^/\s:@]{0,200}:[^/\s@]{1,200}@"), rf"\1{SHOWN}@"),
    (
        re.compile(r"\b(?:sk-[\w-]{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16})"),
        SHOWN,
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S), SHOWN),
)


def masked(text: str) -> str:
    """The text with ``***`` where the value of a password, key or token seems to stand. What has no such form is not
    recognised.

    >>> masked("401 for https://me:geheim@host/ with API_KEY=abc123 and port: 8080")
    '401 for https://***@host/ with API_KEY=*** and port: 8080'
    """
    for pattern, shown in _HIDDEN:
        text = pattern.sub(shown, text)
    return text

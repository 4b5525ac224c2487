"""Which variables of an environment speak of a secret, which are ours, and which bind git to one repository."""

from __future__ import annotations

import re

SECRET_WORDS = "token(?!i[sz])|secret|passwo?r?d|passphrase|credential"
"""Not TOKENIZERS_…: a word of its own, in many an environment."""
SECRET_NAME = re.compile(rf"{SECRET_WORDS}|(api|access|private)_?key|(^|_)keys?$", re.IGNORECASE)
OWN_PREFIX = "AIDOS_"
REPOSITORY_NAMES = frozenset(
    f"GIT_{name}"
    for name in (
        "DIR", "WORK_TREE", "IMPLICIT_WORK_TREE", "COMMON_DIR", "INDEX_FILE", "OBJECT_DIRECTORY", "NAMESPACE", "PREFIX",
        "ALTERNATE_OBJECT_DIRECTORIES", "QUARANTINE_PATH", "GRAFT_FILE", "SHALLOW_FILE", "INTERNAL_SUPER_PREFIX",
    )
)  # fmt: skip
"""Set by git around hooks, aliases and ``rebase --exec``; a git that inherits them works on that repository and index,
wherever it stands."""

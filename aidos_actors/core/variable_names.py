"""Which variables of an environment speak of a secret, and which are ours."""

from __future__ import annotations

import re

SECRET_WORDS = "token(?!i[sz])|secret|passwo?r?d|passphrase|credential"
"""Not TOKENIZERS_…: a word of its own, in many an environment."""
SECRET_NAME = re.compile(rf"{SECRET_WORDS}|(api|access|private)_?key|(^|_)keys?$", re.IGNORECASE)
OWN_PREFIX = "AIDOS_"

"""The cases every supervisor is measured by, and where each has to be proven: on the pure core, on the simulated system
and on Thespian. A leg that does not apply says why.
"""

from __future__ import annotations

import re

LEGS = ("core", "simulated", "thespian")

_NUMBERS = {
    "START": "1 4 6 9 12 14 16 17 18 19 20 22",
    "TYPE": "1 2 3 7 8 9",
    "STRAT": "1 2 3 4 5 8 9",
    "INT": "1 2 3 6 7 8 10 12",
    "ESC": "1 2 3 4 5 9 10 15 17",
    "SHUT": "1 2 3 4 5 9 11 12 13 16 18",
    "ADM": "1 3 5 7 8 11 12 15 16 18 19 20 22 24 25 27 28 29 30 31 33 35",
    "SPEC": "1 3 4 5 8 13 15 19",
    "INTRO": "1 2 7 8 9 11 12",
    "SIG": "1 2 4 6 7 8",
    "HOT": "1 2 5 7 8 10",
    "PART": "1 2 3 4",
    "BX": " ".join(str(number) for number in range(1, 53)),
}
CASES = tuple(f"{area}-{int(number):02d}" for area, numbers in _NUMBERS.items() for number in numbers.split())

_SHELL = "the core decides who is stopped; by which signal and after how long is the shell's"
_BUILT = "such a description cannot be built, so no running system ever meets it"
_PATHS = "paths and processes are the shell's"
_PURE = "an arithmetic rule; that the delay is kept is BX-04 and BX-23"
_MANY = "a supervisor of processes has 50 children at most"
_STORE = "a property of the snapshot store, not a decision"
_FILES = "the simulated store is memory: nothing in it is torn, locked, forked or of an older program"
_KERNEL = "a matter of the operating system's processes"
_MAIL = "the core starts and stops; messages are the mailbox's"

_NOT_ON: dict[str, dict[str, str]] = {
    "core": {
        _SHELL: "SHUT-01 SHUT-02 BX-20 BX-27",
        _PATHS: "START-17 START-22 ESC-10 ADM-31 ADM-35 INTRO-11 SPEC-15",
        _KERNEL: "BX-25 BX-49 BX-50 BX-52",
        _MAIL: "BX-12 BX-13 BX-18 BX-51",
        _STORE: "BX-39 BX-42 BX-43 BX-44 BX-46 BX-47 BX-48",
    },
    "simulated": {
        _BUILT: "SPEC-04 SPEC-05 SPEC-08 SPEC-13 SPEC-19",
        _PURE: "BX-01 BX-02 BX-03 BX-29",
        _FILES: "BX-34 BX-35 BX-36 BX-44 BX-46 BX-47 BX-48",
        _KERNEL: "BX-25 BX-52",
    },
    "thespian": {
        _BUILT: "SPEC-04 SPEC-05 SPEC-08 SPEC-13 SPEC-19",
        _PURE: "BX-01 BX-02 BX-03 BX-29",
        _MANY: "INTRO-08 INTRO-09",
        "nobody may set the machine's clock; both shells use the monotonic one": "BX-24",
    },
}
NOT_APPLICABLE: dict[tuple[str, str], str] = {
    (case, leg): why for leg, reasons in _NOT_ON.items() for why, cases in reasons.items() for case in cases.split()
}

_IN_NAME = re.compile(r"(?<![A-Za-z])(" + "|".join(_NUMBERS) + r")[_-](\d\d)(?!\d)")
_CORE_FILES = re.compile(
    r"tests/(conformance/test_core|supervisors/test_(strategy|backoff|budget|liveness\.|registrar|limits"
    r"|answers|snapshot_rules|snapshot_format))"
)


def cases_of(name: str, docstring: str) -> list[str]:
    """The cases that a test proves, by its name with parameters and its docstring."""
    found = {f"{area}-{number}" for area, number in _IN_NAME.findall(f"{name} {docstring}")}
    return [case for case in CASES if case in found]


def leg_of(path: str, stage: str) -> str:
    """Where a test plays: on its stage, else by its file; all else has real processes or files."""
    if stage == "simulated" or "simulated" in path:
        return "simulated"
    return "core" if _CORE_FILES.match(path) else "thespian"

"""How fast supervision is, in one run beside a plain fork, plain Thespian, and OTP when ``erl`` is installed.

    python benchmarks/supervision.py [--kills 100] [--runs 9] [--actors 200] [--only NAME] [--json]

Medians with least and most, the 99th percentile where there are 100 samples, and what was aimed at. ``--kills`` is how
often one process is killed, ``--runs`` how often a whole tree is started, stopped or lost. The other processes of the
machine are in the numbers: look at the load that --json names.
"""

from __future__ import annotations

import argparse
import json
from importlib import import_module

# Name, the module and function that measure it, and which count they take. They are imported when they are run: each
# system imports the program that started it once more, and what that takes is not supervision's.
MEASURES = {
    "fork": ("kills", "fork_noticed", "kills"),
    "plain-thespian": ("kills", "plain_create", "kills"),
    "otp": ("kills", "otp", "kills"),
    "actor": ("kills", "actor", "kills"),
    "durable": ("kills", "durable", "kills"),
    "one-for-all": ("kills", "one_for_all", "runs"),
    "tree": ("trees", "large", "runs"),
    "system": ("trees", "system", "runs"),
    "aidos": ("trees", "aidos", "runs"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast supervision is.")
    parser.add_argument("--kills", type=int, default=100, help="of one process, for each kind of it")
    parser.add_argument("--runs", type=int, default=9, help="of a whole tree")
    parser.add_argument("--actors", type=int, default=200, help="in the large tree")
    parser.add_argument("--only", choices=MEASURES, action="append", help="only this; may be repeated")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    if min(options.kills, options.runs, options.actors) < 1:
        parser.error("counts must be at least 1")
    from rows import machine, table

    before, rows = machine(), []
    for name in options.only or MEASURES:
        module, function, count = MEASURES[name]
        more = (options.actors,) if name == "tree" else ()
        rows += getattr(import_module(module), function)(getattr(options, count), *more)
    if options.json:
        asked = {"kills": options.kills, "runs": options.runs, "actors": options.actors}
        print(json.dumps({**asked, "machine": before, "rows": [row.as_json() for row in rows]}))
    else:
        print(table(rows))


if __name__ == "__main__":
    main()

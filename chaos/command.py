"""The verbs of ``python -m chaos``. stdout is data, stderr is for people.

Exit codes: 0 the verdict is good, 1 it is not, 2 usage, 3 a bad file, 6 no such report, 7 the state directory has an
owner.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from pathlib import Path
from typing import Any

from aidos_actors.core.crash_points import CRASH_POINTS
from aidos_actors.core.errors import AidosError
from chaos.campaign import Campaign
from chaos.crash_sweep import sweep, table
from chaos.experiment import ABSENT, KINDS, STAGES, plan_kills
from chaos.report import Report, load_report
from chaos.spec import read_spec
from chaos.sweep_cases import plan_cases

SEED_BITS = 31
STATE_DIR = ".aidos-chaos"
INTERRUPTED = 130


def run_command_line(arguments: list[str] | None = None) -> int:
    """Run one verb; its exit code."""
    said = _parser().parse_args(arguments)
    try:
        if said.verb == "list":
            return _list(said.json)
        if said.verb == "crash-sweep":
            return _crash_sweep(said)
        return _give(_campaign(said) if said.verb == "run" else load_report(Path(said.dir)), said.json)
    except AidosError as error:
        return _refuse(error, said.json)
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description="Kill it on purpose, and judge what is left.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list", help="kinds of process and stages of the work that can be hit")
    run = verbs.add_parser("run", help="carry out the campaign a YAML file describes")
    run.add_argument("spec", help="the file: requirement, kinds, stages, per_pair, workers, time_limit")
    run.add_argument("--seed", type=int, help="of the schedule (default: the file's, else a new one)")
    run.add_argument("--state", default=STATE_DIR, help=f"state directory (default {STATE_DIR})")
    sweeping = verbs.add_parser("crash-sweep", help="end processes before and after every crash point, twice a run")
    sweeping.add_argument("--seed", type=int, help="of the second places (default: a new one)")
    sweeping.add_argument("--jobs", type=int, default=2, help="runs at a time (default 2)")
    sweeping.add_argument("--time-limit", type=float, default=180.0, help="seconds for one run (default 180)")
    sweeping.add_argument("points", nargs="*", choices=[*CRASH_POINTS, []], help="only these (default: all)")
    report = verbs.add_parser("report", help="print the report of a campaign again")
    report.add_argument("dir", help="its state directory")
    for verb in (listing, run, report):
        verb.add_argument("--json", action="store_true", help="print one JSON envelope")
    return parser


def _list(as_json: bool) -> int:
    pairs = {kind: [stage for stage in STAGES if stage not in ABSENT.get(kind, ())] for kind in KINDS}
    if as_json:
        _print_envelope({"kinds": list(KINDS), "stages": list(STAGES), "pairs": pairs})
    else:
        width = max(len(kind) for kind in KINDS)
        print("\n".join(f"{kind.ljust(width)}  {' '.join(stages)}" for kind, stages in pairs.items()))
    return 0


def _campaign(said: argparse.Namespace) -> Report:
    spec = read_spec(Path(said.spec))
    seed = said.seed if said.seed is not None else spec.seed if spec.seed is not None else secrets.randbits(SEED_BITS)
    campaign = Campaign(
        requirement=spec.requirement,
        state_dir=said.state,
        seed=seed,
        kills=plan_kills(seed, spec.kinds, spec.stages, spec.per_pair),
        workers=spec.workers,
        time_limit_s=spec.time_limit,
        rounds=spec.rounds,
        gap_s=spec.gap,
        changing=spec.changing,
    )
    return campaign.run(lambda text: print(text, file=sys.stderr, flush=True))


def _crash_sweep(said: argparse.Namespace) -> int:
    seed = said.seed if said.seed is not None else secrets.randbits(SEED_BITS)
    print(f"seed {seed}", flush=True)
    cases = plan_cases(seed, said.points or tuple(CRASH_POINTS))
    results = sweep(cases, said.jobs, said.time_limit, lambda text: print(text, flush=True))
    wrong = [each for each in results if each.problems]
    print(table(results))
    twice = sum(each.struck == len(each.case.places) for each in results)
    print(f"{len(results)} runs, {twice} of them ended at both places, {len(wrong)} not in order, seed {seed}")
    return 1 if wrong else 0


def _give(report: Report, as_json: bool) -> int:
    if as_json:
        _print_envelope(report.as_dict())
    else:
        print(report.as_text())
    return 0 if report.verdict_ok else 1


def _refuse(error: AidosError, as_json: bool) -> int:
    if as_json:
        body = {"code": error.code, "message": error.message, "hint": error.hint}
        print(json.dumps({"schema_version": 1, "ok": False, "error": body}))
    else:
        print(f"error: {error.message}" + (f"\nhint: {error.hint}" if error.hint else ""), file=sys.stderr)
    return error.exit_code


def _print_envelope(data: dict[str, Any]) -> None:
    print(json.dumps({"schema_version": 1, "ok": True, "data": data}))

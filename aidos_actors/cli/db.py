"""The verbs of ``db``: is the ledger sound?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from aidos_actors.cli.answer import Answer, Options
from aidos_actors.cli.verb import DEFAULT_STATE, ConfigFile, Debug, Json, State, answer_verb, options_of

if TYPE_CHECKING:
    from aidos_actors.ledger.check import Finding

db_verbs = typer.Typer(help="Look after the ledger.", no_args_is_help=True)
SHOWN_MAX = 20


@db_verbs.command()
def check(state: State = DEFAULT_STATE, config: ConfigFile = None, json: Json = False, debug: Debug = False) -> None:
    """Compare journal, tables and day files; changes nothing, also beside a running system."""
    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: check_ledger(options))


def check_ledger(options: Options) -> Answer:
    """Exit 0 when all agrees, 1 with the first differences. LedgerDamaged when the file itself is broken."""
    from aidos_actors.cli.reach import Door, resting_ledger
    from aidos_actors.ledger.check import check as findings_of

    state = Path(options.state)
    live = Door(state).is_there()
    with resting_ledger(state) as ledger:
        findings = list(findings_of(ledger, state))
    differences = [{"check": each.name, "text": text} for each in findings for text in each.differences][:SHOWN_MAX]
    count = sum(each.count for each in findings)
    data = {
        "sound": count == 0,
        "checks": [_view(each) for each in findings],
        "differences": differences,
        "differences_count": count,
        "live": live,
    }
    lines = [_line(each) for each in findings]
    lines += [f"  {each['text']}" for each in differences]
    if count > len(differences):
        lines.append(f"  and {count - len(differences)} more")
    return Answer(data, "\n".join(lines), 0 if count == 0 else 1)


def _view(finding: Finding) -> dict[str, Any]:
    return {"name": finding.name, "looked_at": finding.looked_at, "differences": finding.count}


def _line(finding: Finding) -> str:
    verdict = f"{finding.count} differences" if finding.count else "ok"
    return f"{finding.name:12} {verdict:16} {finding.looked_at}"

"""The verbs of ``git``: where a target stood, and back there."""

from __future__ import annotations

from typing import Annotated

import typer

from aidos_actors.cli.answer import Answer
from aidos_actors.cli.verb import DEFAULT_STATE, ConfigFile, Debug, Json, State, answer_verb, options_of

git_verbs = typer.Typer(help="Look at targets, and take back what is on them.", no_args_is_help=True)
Repo = Annotated[str, typer.Argument(help="The git repository.")]
SHOWN_MAX = 50


@git_verbs.command("restore-points")
def list_restore_points(
    repo: Repo = ".", state: State = DEFAULT_STATE, config: ConfigFile = None, json: Json = False, debug: Debug = False
) -> None:
    """List where targets stood before each publication, newest first."""
    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: _listed(repo))


@git_verbs.command()
def rollback(
    target: Annotated[str, typer.Argument(help="The target branch.")],
    to: Annotated[str, typer.Option("--to", help="A restore point, or an earlier commit of the target.")],
    repo: Annotated[str, typer.Option("--repo", help="The git repository.")] = ".",
    state: State = DEFAULT_STATE,
    config: ConfigFile = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Bring a target back to an earlier content by revert commits; its history goes on."""
    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: _rolled_back(repo, target, to))


def _listed(repo: str) -> Answer:
    from aidos_actors.gitops.rollback import restore_points

    points = restore_points(repo)
    rows = [{"name": each.name, "commit": each.commit, "at": each.at, "subject": each.subject} for each in points]
    lines = [f"{each.at}  {each.commit[:12]}  before {each.name}  {each.subject}" for each in points[:SHOWN_MAX]]
    return Answer({"restore_points": rows}, "\n".join(lines) or "none")


def _rolled_back(repo: str, target: str, to: str) -> Answer:
    from aidos_actors.gitops.rollback import roll_back

    done = roll_back(repo, target, to)
    data = {"target": done.target, "commit": done.commit, "to": done.to, "reverts": done.reverts}
    said = f"{done.target} has the content of {done.to[:12]} again, by {done.reverts} revert commits"
    return Answer(data, said)

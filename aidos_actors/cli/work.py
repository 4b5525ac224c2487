"""Verbs that hand in work: plan, submit."""

from __future__ import annotations

import os
from pathlib import Path

from aidos_actors.agent_checks import missing_programs, wrong_agents
from aidos_actors.cli.answer import Answer, Options
from aidos_actors.config import projects_of
from aidos_actors.core.plan import build_plan
from aidos_actors.core.projects import NO_PROJECT, applied
from aidos_actors.layout import Layout
from aidos_actors.settings import read_config
from aidos_actors.submission import prepare, read_source, refuse_words


def plan_file(file: str, options: Options) -> Answer:
    """The file is sound: its layers (what may run together), serial order and groups; or who will find its tasks."""
    config = read_config(options.config)
    judge = wrong_agents(config.agents, must_be_installed=False)
    requirement = read_source(Path(file), config.limits.requirement_bytes, judge)
    refuse_words(requirement, config.analysis)
    plan = build_plan(requirement)
    project = projects_of(config).get(os.path.realpath(requirement.repo or os.devnull), NO_PROJECT)
    mode = str(applied(requirement, project).mode)
    named = {task.id: list(task.agent_work.names) for task in requirement.tasks if task.agent_work is not None}
    missing = missing_programs(tuple(dict.fromkeys(name for names in named.values() for name in names)), config.agents)
    data = {
        "id": requirement.id,
        "title": requirement.title,
        "mode": mode,
        "target": requirement.target_branch if requirement.repo else None,
        "layers": [list(layer) for layer in plan.layers],
        "order": list(plan.order),
        "groups": {name: list(members) for name, members in plan.groups.items()},
        "agents": named,
        "not_installed": missing,
        "analyzers": [] if requirement.tasks else list(config.analysis.readers),
    }
    lines = [f"{requirement.id}: {requirement.title} ({len(requirement.tasks)} tasks, {mode})"]
    lines += [f"  {number}. {', '.join(layer)}" for number, layer in enumerate(plan.layers, 1)]
    lines += [f"  group {name}: {', '.join(members)}" for name, members in plan.groups.items()]
    lines += [f"  agent {name}: the program {program!r} is not installed here" for name, program in missing.items()]
    if data["analyzers"]:
        lines = [f"{requirement.id}: {requirement.title} (in words; its tasks are found when it is submitted)"]
        lines += [f"  asked: {', then '.join(config.analysis.readers)}"]
    return Answer(data, "\n".join(lines))


def submit_file(file: str, options: Options, *, is_revision: bool = False) -> Answer:
    """The requirement is on disk; it is carried out by whoever runs on the state directory, now or next."""
    from aidos_actors.cli.reach import change, status_at
    from aidos_actors.state_dir import prepare_state_dir

    config, status = read_config(options.config), status_at(options.state)
    submission = prepare(Path(file), config, is_revision=is_revision, status=status)
    state = prepare_state_dir(options.state)
    call = submission.call(Layout(str(state)).blobs)
    data = change(state, call, lambda desk: desk.submit(call))
    known = f"revised, {data['state']}" if data["revised"] else f"known already, {data['state']}"
    what = "accepted" if data["accepted"] else known
    where = "" if data["running"] else "; nothing runs here: start it with `serve` or `run`"
    return Answer(data, f"{data['id']}: {what}{where}")

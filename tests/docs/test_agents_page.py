"""What docs/agents.md says is what there is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from aidos_actors.agent_presets import PRESETS
from aidos_actors.agent_settings import AgentSettings, profiles_of
from aidos_actors.analyzers.document import read_requirement
from aidos_actors.config import Config
from aidos_actors.core.agents.profile import PLACES
from aidos_actors.core.silence import CPU_SHARE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "agents.md").read_text()


def block(kind: str) -> str:
    return PAGE.split(f"```{kind}\n")[1].split("```")[0]


def table(first_column: str) -> list[list[str]]:
    rows = PAGE.split(f"| {first_column} |")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_the_examples_are_read() -> None:
    assert [task.executor for task in read_requirement(block("yaml"), file="p.yaml", base_dir="/").tasks] == [
        "agent"
    ] * 2
    config = Config.model_validate(tomllib.loads(block("toml")))
    assert set(profiles_of(config.agents, {})) == {*PRESETS, "quick", "mine"}


def test_every_key_has_its_row() -> None:
    named = {key for row in table("key | meaning | default") for key in re.findall(r"`(\w+)`", row[0])}
    assert named == set(AgentSettings.model_fields)


def test_the_defaults_are_as_said() -> None:
    fields = AgentSettings.model_fields
    limits = {row[1].split(", ")[-1].strip("`"): row[2] for row in table("limit | key | default")}
    assert limits["stall_s"].endswith(f", {fields['stall_s'].default:g} s") or limits["stall_s"] == "1800 s"
    assert limits["loop_repeats_max"] == str(fields["loop_repeats_max"].default)
    assert limits["output_bytes"] == f"{fields['output_bytes'].default // 1024**2} MiB"
    assert limits["memory_bytes"] == f"{fields['memory_bytes'].default // 1024**3} GiB"
    waits = [fields[name].default for name in ("wait_s", "wait_max_s", "jitter_s")]
    assert [f"{each:g}" for each in waits] == ["300", "3600", "30"]
    assert fields["limit_silence_s"].default == 60 and fields["failures_max"].default == 2 and CPU_SHARE == 1 / 20


def test_the_known_agents_and_places_are_those_on_the_page() -> None:
    assert {row[0].strip("`") for row in table("name | is called | session | turns, money")} == set(PRESETS)
    assert all(f"{{{place}}}" in PAGE for place in PLACES)
    for name, preset in PRESETS.items():
        call = next(row[1] for row in table("name | is called | session | turns, money") if row[0] == f"`{name}`")
        assert all(part in preset["argv"] for part in re.findall(r"--[\w-]+", call)), name

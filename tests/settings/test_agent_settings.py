"""Coding agents as configured: the command line that comes of it, and what of the environment they see."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from aidos_actors.agent_settings import AgentSettings, profiles_of
from aidos_actors.config import Config
from aidos_actors.core.agents.facts import Facts
from aidos_actors.core.agents.profile import AgentProfile
from aidos_actors.core.agents.verdict import Ending, verdict

HERE = {"prompt": "do it", "prompt_file": "/p", "scratch": "/s", "worktree": "/w"}


def profile(name: str = "mine", environment: dict[str, str] | None = None, **keys: object) -> AgentProfile:
    return profiles_of({name: AgentSettings.model_validate(keys)}, environment or {})[name]


def command(of: AgentProfile, session: str | None = None, *, resumed: bool = False) -> tuple[str, ...]:
    return of.command(**HERE, session=session, is_resumed=resumed)


def test_what_is_set_goes_where_the_options_stand() -> None:
    made = profile("claude", model="opus", turns_max=3, cost_usd_max=0.5, args=["--add-dir", "/x"])
    fixed = ("claude", "-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "acceptEdits")
    limits = ("--model", "opus", "--max-turns", "3", "--max-budget-usd", "0.5")
    assert command(made) == (*fixed, "--add-dir", "/x", *limits)
    assert command(made, "s-1", resumed=True) == (*fixed, "--add-dir", "/x", *limits, "--resume", "s-1")
    assert command(profile("codex", model="m"), "t", resumed=True)[-5:] == ("--model", "m", "resume", "t", "-")
    assert command(profile("goose"), "n-1")[-4:] == ("--name", "n-1", "-i", "-")
    assert command(profile("fast", preset="claude", program="/opt/claude"))[0] == "/opt/claude"


def test_a_free_template_is_filled_in_once() -> None:
    made = profile(argv=["x", "{prompt}", "--in={worktree}", '{"json": 1}'], prompt="argument")
    assert made.command(**{**HERE, "prompt": "say {worktree}"}, session=None, is_resumed=False) == (
        *("x", "say {worktree}", "--in=/w", '{"json": 1}'),
    )
    assert command(profile(argv=["x"], prompt="file")) == ("x", "/p")
    assert command(profile(argv=["x"], prompt="argument")) == ("x", "do it")
    assert command(profile(argv=["x"], options={"session": ["-c", "{session}"]}), "s", resumed=True) == ("x", "-c", "s")


def test_only_named_variables_are_seen_and_none_shows_itself() -> None:
    environment = {"PATH": "/bin", "ANTHROPIC_API_KEY": "k1", "GITHUB_TOKEN": "k2", "AIDOS_CONFIG": "x", "LC_ALL": "C"}
    made = profile("claude", environment, env=["AIDOS_*"], set_env={"A": "b"})
    assert {"PATH", "ANTHROPIC_API_KEY", "LC_ALL", "A", "TERM"} <= set(made.env)
    assert not {"GITHUB_TOKEN", "AIDOS_CONFIG"} & set(made.env)
    assert "GITHUB_TOKEN" in profile("claude", environment, env=["GITHUB_*"]).env
    assert "k1" not in repr(made) and "k1" not in str(made.env)


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"limit_exit_codes": [75]}, "limited"),
        ({"limit_words": ["come back later"]}, "limited"),
        ({}, "own"),
    ],
)
def test_a_program_may_have_its_own_way_to_say_that_it_is_limited(keys: dict[str, object], fault: str) -> None:
    made = profile(argv=["x"], **keys)
    around = {"is_resumed": False, "is_sound": True, "now": 0.0, "local": None}
    outcome = verdict(Ending("exited", 75), Facts(), "please come back later", made, **around)  # type: ignore[arg-type]
    assert outcome.fault == fault


@pytest.mark.parametrize(
    ("agents", "wrong"),
    [
        ({"mine": {}}, "argv must say how it is run"),
        ({"mine": {"argv": []}}, "at least 1 item"),
        ({"mine": {"argv": ["x", "{sesion}"]}}, "did you mean 'session'"),
        ({"a b": {"argv": ["x"]}}, "a name is"),
        ({"claude": {"preset": "claud"}}, "did you mean 'claude'"),
        ({"claude": {"fallback": ["nobody"]}}, "no agent 'nobody'"),
        ({"claude": {"set_env": {"MY_TOKEN": "x"}}}, "looks like a secret"),
        ({"claude": {"set_env": {"AIDOS_TASK": "x"}}}, "cannot be set"),
        ({"claude": {"stall_s": 0}}, "greater than 0"),
        ({"claude": {"args": ["a\0b"]}}, "NUL"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(agents: dict[str, dict[str, object]], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        Config.model_validate({"agents": agents})

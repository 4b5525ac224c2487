"""Who does it when an agent cannot: said in events, and refused beforehand where it can be known."""

from __future__ import annotations

import json

from tests.agents.bench import AgentPlace
from tests.system.conftest import eventually


def test_the_next_of_the_chain_takes_over(place: AgentPlace) -> None:
    place.configure('[agents.codex]\nfallback = ["goose"]\n')
    place.plan("claude", "quota 3600")
    place.plan("codex", "fail no")
    tasks = {
        "limited": {"agent": ["claude", "aider"], "prompt": "x", "retries": 0},
        "failing": {"agent": "codex", "prompt": "x", "retries": 3, "retry": {"delay": "10ms"}},
    }
    done = place.aidos("run", str(place.requirement(tasks)))
    assert done.returncode == 0, done.stderr
    assert place.said_by("limited") == "claude new 0\naider new 0", "what the first had done is not lost"
    assert len(place.calls("codex")) == 2 and place.said_by("failing") == "goose new 0"
    passed = {e["task"]: e["data"] for e in place.journal() if e["type"] == "agent_passed_over"}
    assert passed["limited"]["agent"] == "aider" and "usage limit" in passed["limited"]["instead_of"]["claude"]
    assert passed["failing"]["instead_of"] == {"codex": "it failed 2 times"}
    assert "limited: is done by another agent" in done.stderr.replace("work/", "")
    place.assert_laws("work", set(tasks))


def test_a_program_that_vanishes_is_no_failure_while_another_can(place: AgentPlace) -> None:
    place.configure()
    file = place.requirement({"b": {"agent": ["claude", "codex"], "prompt": "x", "retries": 0}})
    assert place.data("submit", str(file))["accepted"]
    (place.bin / "claude").unlink()
    serve = place.begin("serve")
    eventually(lambda: place.is_up() and place.data("status", "work")["state"] == "done")
    assert place.said_by("b") == "codex new 0"
    absent = place.event("agent_unusable")
    assert absent is not None and absent["data"]["reason"] == "absent" and "'claude'" in absent["data"]["error"]
    (place.bin / "codex").unlink()
    later = place.requirement({"c": {"agent": "codex", "prompt": "x", "retries": 1}}, name="later")
    assert place.aidos("submit", str(later)).returncode == 3
    serve.terminate()
    assert serve.wait(30) == 0


def test_mistakes_are_refused_with_file_line_and_the_nearest_name(place: AgentPlace) -> None:
    (place.bin / "claude").unlink()
    place.configure('[agents.fast]\npreset = "claude"\n')
    for agent, code, message in (
        ("cluade", 3, "work.yaml:1: task 'a': there is no agent 'cluade'"),
        (["codex", "gose"], 3, "there is no agent 'gose'"),
        ("fast", 0, ""),
    ):
        file = place.requirement({"a": {"agent": agent, "prompt": "x"}})
        done = place.here("plan", str(file), "--config", str(place.folder / "aidos.toml"), "--json")
        said = json.loads(done.stdout)
        assert done.returncode == code, said
        if code:
            assert message in said["error"]["message"] and "did you mean" in said["error"]["hint"]
    assert said["data"]["not_installed"] == {"fast": "claude"}
    refused = place.aidos("submit", str(file), "--json")
    error = json.loads(refused.stdout)["error"]
    assert refused.returncode == 3
    assert "work.yaml:1: task 'a': 'claude' (agent fast) is not installed" in error["message"]
    assert not place.state.exists(), "nothing is stored"
    file = place.requirement({"a": {"agent": ["fast", "codex"], "prompt": "x"}})
    assert place.aidos("submit", str(file)).returncode == 0, "one of them is there"
    for wrong, line in (
        ("[agents.claude]\nstal_s = 3\n", 2),
        ("[agents.mine]\nprompt = 'file'\n", 1),
        ("[agents.mine]\nargv = ['x', '{promt}']\n", 1),
        ("[agents.claude]\nset_env = {API_TOKEN = 'x'}\n", 1),
        ("[agents.claude]\nfallback = ['codx']\n", 2),
        ("[agents.claude]\nturns_max = 0\n", 2),
    ):
        (place.folder / "aidos.toml").write_text(wrong)
        done = place.here("config", "validate", "--config", str(place.folder / "aidos.toml"), "--json")
        error = json.loads(done.stdout)["error"]
        assert done.returncode == 3 and f"aidos.toml:{line}" in error["message"], (wrong, error)
    (place.folder / "aidos.toml").write_text("[agents.claude]\nmodel = 'opus'\n")
    shown = place.aidos("config", "show")
    assert "agents.claude.model" in shown.stdout and "aidos.toml:2" in shown.stdout

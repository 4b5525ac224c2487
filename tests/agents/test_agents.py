"""Coding agents as tasks: real processes, real commits, and stand-ins that speak as each of the programs does."""

from __future__ import annotations

from tests.agents.bench import NAMES, AgentPlace

TASKS = {f"of-{name}": {"agent": name, "prompt": f"Write of-{name}.txt"} for name in NAMES}


def test_each_known_agent_makes_a_commit(place: AgentPlace) -> None:
    place.configure(model="m/small")
    file = place.requirement(TASKS)
    done = place.aidos("run", str(file))
    assert done.returncode == 0, done.stderr + done.stdout
    place.assert_laws("work", set(TASKS))
    for name in NAMES:
        assert place.said_by(f"of-{name}") == f"{name} new 0"
        (call,) = place.calls(name)
        assert call["prompt"] == f"Write of-{name}.txt"
        assert "m/small" in call["argv"]
        assert place.data("output", f"work/of-{name}")
    assert set(place.git("ls-tree", "--name-only", "aidos/work").split()) == {"a.txt", *(f"{t}.txt" for t in TASKS)}
    ends = {event["data"]["agent"]: event["data"] for event in place.journal() if event["type"] == "attempt_ended"}
    assert {name for name, data in ends.items() if data["cost_usd"]} == {"claude", "opencode", "goose", "aider"}
    assert all(data["session"] for name, data in ends.items() if name != "aider")
    place.assert_clean()


def test_a_usage_limit_is_waited_out_and_the_session_goes_on_where_it_was(place: AgentPlace) -> None:
    place.configure(limit_silence_s=0.5)
    for name in NAMES:
        place.plan(name, "quota 65" if name == "codex" else "quota 4", "work")
    tasks = {name: task for name, task in TASKS.items() if name != "of-codex"}
    done = place.aidos("run", str(place.requirement({n: {**t, "retries": 0} for n, t in tasks.items()})))
    assert done.returncode == 0, done.stderr + done.stdout
    place.assert_laws("work", set(tasks))
    for name in set(NAMES) - {"codex"}:
        assert place.said_by(f"of-{name}") == f"{name} new 0\n{name} resumed 0", name
        first, second = place.calls(name)
        assert first["cwd"] == second["cwd"]
        assert second["prompt"].startswith("This is attempt 2.")
    rows = place.data("status", "work")["tasks"]
    assert {(row["attempts"], row["infra_faults"]) for row in rows} == {(2, 0)}
    waits = [event["data"] for event in place.journal() if event["type"] == "agent_unusable"]
    assert {(each["agent"], each["reason"]) for each in waits} == {(n, "limited") for n in set(NAMES) - {"codex"}}
    place.assert_clean()

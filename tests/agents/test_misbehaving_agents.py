"""Coding agents that misbehave, each in its own way: what it means for the task, and that nothing is left of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.agents.bench import AgentPlace

LIMITS = """
[agents.silent]
preset = "claude"
stall_s = 1.5
[agents.chatty]
preset = "claude"
timeout_s = 3
[agents.looping]
preset = "codex"
[agents.brief]
preset = "goose"
turns_max = 5
[agents.loud]
preset = "aider"
output_bytes = 1048576
[agents.fat]
preset = "claude"
memory_bytes = 104857600
stall_s = 60
[agents.plain]
argv = ["sh", "-c", "cat > plain.txt; echo 'ERROR: 429 Too Many Requests'"]
"""
# task: (agent, what the stand-in does, what the task has for an error)
FAIL: dict[str, tuple[str, str, str]] = {
    "hang": ("silent", "hang", "no work for 1.5 s"),
    "babble": ("chatty", "babble", "It ran longer than its 3 s"),
    "loop": ("looping", "loop", "the same step with the same result 20 times"),
    "turns": ("brief", "babble", "more than 5 turns"),
    "huge": ("loud", "huge", "more output than its limit"),
    "hoard": ("fat", "hoard", "more than 104,857,600 bytes of memory"),
    "idle": ("claude", "idle", "changed nothing"),
    "fail": ("codex", "fail the model is not there", "codex says: the model is not there"),
    "ask": ("goose", "ask", "nobody answers"),
    "vanish": ("claude", "vanish", "folder"),
    "die": ("codex", "die", "signal 9"),
    "lie": ("claude", "lie", "claude says"),
}
WORK = {"children": ("claude", "children"), "nogit": ("codex", "nogit"), "outside": ("goose", "outside")}


def presets_of(text: str) -> dict[str, str]:
    lines = text.splitlines()
    return {lines[at - 1][8:-1]: line.split('"')[1] for at, line in enumerate(lines) if line.startswith("preset")}


def test_every_kind_of_misbehaviour_ends_as_it_should(place: AgentPlace) -> None:
    presets = presets_of(LIMITS)
    tasks: dict[str, Any] = {}
    for task, (agent, what, *_error) in {**FAIL, **WORK}.items():
        tasks[task] = {"agent": agent, "prompt": "x", "retries": 0, "timeout": "90s"}
        place.plan(presets.get(agent, agent), what, task=task)
    tasks["plain"] = {"agent": "plain", "prompt": "an agent may well write of limits", "retries": 0}
    place.configure(LIMITS)
    done = place.aidos("run", str(place.requirement(tasks, workers=4)), "--workers", "4", timeout_s=200)
    rows = {row["id"]: row for row in place.data("status", "work")["tasks"]}
    assert done.returncode == 1
    for task, (_agent, _what, error) in FAIL.items():
        assert rows[task]["state"] == "failed" and error in rows[task]["error"], (task, rows[task])
        assert rows[task]["attempts"] == 1
    place.assert_laws("work", {*WORK, "plain"})
    assert place.git("status", "--porcelain") == "" and (place.bin / "outside.txt").exists()
    assert place.git("ls-tree", "aidos/work", "link").startswith("120000"), "a link is stored as one, not followed"
    huge = place.state / "output" / "work" / "huge.1.log"
    assert huge.stat().st_size < 2 * 1024 * 1024
    place.assert_clean()


GIT = "git -c user.email=x@y -c user.name=z"
TO_GIT = {
    "commits": f"echo 1 > c.txt; git add -A; {GIT} commit -qm one; git checkout -qb feature; echo 2 >> c.txt",
    "moves": "echo 1 > c.txt; git branch -f aidos/work HEAD; git tag evil",
    "replaces": f"rm .git; git init -q .; echo 1 > c.txt; git add -A; {GIT} commit -qm own",
    "locks": "touch $(git rev-parse --git-dir)/index.lock; echo 1 > c.txt",
    "climbs": "rm .git; for at in . .. ../..; do (cd $at; git rev-parse --git-dir 2>&1); done > c.txt; true",
}


def test_whatever_an_agent_does_to_git_its_files_are_its_work(place: AgentPlace) -> None:
    """The state directory lies in the repository, as it does by default: git must not look for one above."""
    place.state = place.repo / ".aidos"
    tables = []
    for name, script in TO_GIT.items():
        file = place.bin / name
        file.write_text(f"#!/bin/sh\ncat > /dev/null\n{script.replace('c.txt', name + '.txt')}\n")
        file.chmod(0o755)
        tables.append(f'[agents.{name}]\nargv = ["{file}"]\n')
    place.configure("\n".join(tables))
    tasks = {name: {"agent": name, "prompt": "x", "retries": 0, "group": "g"} for name in TO_GIT}
    head = place.git("rev-parse", "main")
    done = place.aidos("run", str(place.requirement(tasks)))
    assert done.returncode == 0, done.stderr
    place.assert_laws("work", set(tasks))
    assert place.git("rev-parse", "main") == head and place.git("status", "--porcelain") == ""
    files = set(place.git("ls-tree", "--name-only", "aidos/work").split())
    assert files == {"a.txt", *(f"{name}.txt" for name in TO_GIT)}
    assert place.said_by("climbs").count("not a git repository") == 3
    place.assert_clean()


def test_a_free_template_gets_its_prompt_in_each_way_and_only_named_variables(place: AgentPlace) -> None:
    script = place.bin / "show.sh"
    script.write_text(
        "#!/bin/sh\nenv > env-$AIDOS_AGENT; printf '%s\\n' \"$@\" > args-$AIDOS_AGENT; cat > stdin-$AIDOS_AGENT\n"
    )
    script.chmod(0o755)
    ways = {"stdin": '"x"', "file": '"--from={prompt_file}"', "argument": '"--", "{prompt}"'}
    common = 'env = ["MY_TOKEN"]\nset_env = {COLOUR = "red"}\n'
    tables = (
        f'[agents.{way}]\nargv = ["{script}", {words}]\nprompt = "{way}"\n{common}' for way, words in ways.items()
    )
    place.configure("\n".join(tables))
    prompt = "-n {session} {model}\n$(touch pwned) 'quoted' \u00fc"
    tasks = {way: {"agent": way, "prompt": prompt, "env": {"LEVEL": "7"}} for way in ways}
    file = place.requirement(tasks)
    process = place.begin("run", str(file), MY_TOKEN="visible", OTHER_TOKEN="hidden", PLAIN="hidden too")
    assert process.wait(60) == 0, place.said()
    for way in ways:

        def told(name: str, way: str = way) -> str:
            return place.git("show", f"aidos/work:{name}-{way}")

        env = dict(line.partition("=")[::2] for line in told("env").splitlines() if "=" in line)
        assert (env["MY_TOKEN"], env["COLOUR"], env["LEVEL"], env["AIDOS_AGENT"]) == ("visible", "red", "7", way)
        assert not {"OTHER_TOKEN", "PLAIN", "AIDOS_STATE_DIR"} & set(env)
        args = told("args")
        if way == "stdin":
            assert told("stdin") == prompt
        elif way == "file":
            assert args.startswith("--from=") and Path(args.removeprefix("--from=")).read_text() == prompt
        else:
            assert args == f"--\n{prompt}"
    assert "pwned" not in place.git("ls-tree", "--name-only", "aidos/work")


def test_what_need_not_change_anything_may_say_so(place: AgentPlace) -> None:
    place.configure()
    place.plan("claude", "idle")
    tasks = {"look": {"agent": "claude", "prompt": "Look", "changes": "optional", "retries": 0}}
    done = place.aidos("run", str(place.requirement(tasks)))
    assert done.returncode == 0 and place.data("status", "work")["tasks"][0]["commit"] is None


def test_a_failed_gate_is_told_to_the_same_session_which_mends_its_work(place: AgentPlace) -> None:
    place.configure()
    verify = "test $(wc -l < a.txt) -ge 3"
    tasks = {"a": {"agent": "claude", "prompt": "Write two lines", "retries": 2, "verify": verify}}
    done = place.aidos("run", str(place.requirement(tasks)))
    assert done.returncode == 0, done.stderr
    first, second = place.calls("claude")
    assert "verify ended with exit code 1" in second["prompt"] and "go on from there" in second["prompt"]
    assert first["cwd"] == second["cwd"] and "--resume" in second["argv"]
    assert place.said_by("a") == "a\nclaude new 0\nclaude resumed 0"


def test_the_money_of_a_task_is_limited_over_its_attempts(place: AgentPlace) -> None:
    place.configure('[agents.claude]\ntask_cost_usd_max = 0.15\nfallback = ["codex"]\n')
    place.plan("claude", "fail no")
    place.plan("codex", "work")
    done = place.aidos("run", str(place.requirement({"a": {"agent": "claude", "prompt": "x", "retries": 5}})))
    assert done.returncode == 0, done.stderr
    assert (len(place.calls("claude")), len(place.calls("codex"))) == (2, 1)
    place.configure("[agents.claude]\ntask_cost_usd_max = 0.15\nfailures_max = 9\n")
    file = place.requirement({"a": {"agent": "claude", "prompt": "x", "retries": 5}}, name="alone")
    assert place.aidos("run", str(file)).returncode == 1
    assert len(place.calls("claude")) == 4, "of its retries only those that it may cost"

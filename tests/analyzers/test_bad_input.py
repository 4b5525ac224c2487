"""Bad requirements, one fault each: every one is refused with its line, a reason, and what to do next."""

from __future__ import annotations

import pytest
import yaml

from aidos_actors.analyzers import yaml_nodes
from aidos_actors.analyzers.document import read_requirement
from aidos_actors.core.errors import BadInput

GOOD = "id: r\ntasks:\n  a:\n    run: make\n"


def in_task(line: str) -> str:
    """A good file whose task has one more key, on line 5."""
    return f"{GOOD}    {line}\n"


def at_top(line: str) -> str:
    """A good file with one more key, on line 1."""
    return f"{line}\n{GOOD}"


def bomb(levels: int) -> str:
    rows = ["x0: &x0 [" + "lol," * 9 + "]"]
    rows += [f"x{level}: &x{level} [" + f"*x{level - 1}," * 9 + "]" for level in range(1, levels)]
    return "\n".join(rows)


# name: (text, line, words of the message, words of the hint)
TABLE: dict[str, tuple[str, int, str, str]] = {
    # the document as a whole
    "empty": ("", 1, "empty", "`id` and `tasks`"),
    "only a comment": ("# nothing\n", 1, "empty", "`id` and `tasks`"),
    "null": ("~\n", 1, "the text '~', not a mapping", "begin with `id"),
    "a list": ("- a\n- b\n", 1, "is a list, not a mapping", "begin with `id"),
    "a text": ("\nhello\n", 2, "the text 'hello', not a mapping", "begin with `id"),
    "two documents": (GOOD + "---\n" + GOOD, 5, "second document", "file of its own"),
    "broken flow": ("id: r\ntasks: {a: [1\nb: 2\n", 3, "not valid YAML", "indentation"),
    "open quote": ('id: r\ntitle: "abc\n', 3, "not valid YAML", "quotes"),
    "a tab": ("id: r\ntasks:\n\ta: {run: x}\n", 3, "not valid YAML", "spaces, not with tabs"),
    "an at sign": ("id: r\ntitle: @me\n", 2, "not valid YAML", "begins with @ ` or % in quotes"),
    "colon in value": ("id: r\ntitle: a: b\n", 2, "not valid YAML", "put quotes around"),
    "control character": ("id: r\ntitle: a\x01b\n", 2, "U+0001 at offset 14", "remove it"),
    "NUL": ("id: r\n\ntitle: a\0b\n", 3, "U+0000", "remove it"),
    "surrogate": ("id: r\ntitle: \ud800\n", 2, "U+D800", "remove it"),
    "escaped NUL": ('id: r\ntitle: "a\\0b"\n' + GOOD[6:], 2, "NUL", "remove the escape"),
    "many directives": ("%TAG !a! tag:a\n" * 11 + "---\n" + GOOD, 1, "begin with %", "directives"),
    # keys
    "unknown key": (at_top("titel: x"), 1, "unknown key 'titel'", "did you mean 'title'?"),
    "unknown key in task": (in_task("tiemout: 5m"), 5, "task 'a': unknown key 'tiemout'", "did you mean 'timeout'?"),
    "key of a task": (at_top("retries: 3"), 1, "unknown key 'retries'", "inside a task"),
    "key of the requirement": (in_task("mode: serial"), 5, "unknown key 'mode'", "left edge"),
    "id in a task": (in_task("id: b"), 5, "unknown key 'id'", "key it stands under"),
    "model's name": (in_task("timeout_s: 5"), 5, "unknown key 'timeout_s'", "did you mean 'timeout'?"),
    "number as key": (at_top("1: x"), 1, "unknown key '1'", "valid: id, title"),
    "doubled key": (GOOD + "id: s\n", 5, "'id' is written twice, on line 1 and on line 5", "keep one"),
    "doubled task": (GOOD + "  a: {run: x}\n", 5, "'a' is written twice, on line 3 and on line 5", "keep one"),
    "doubled in quotes": (in_task("'run': x"), 5, "'run' is written twice, on line 4 and on line 5", "keep one"),
    "doubled in args": ("id: r\ntasks: {a: {call: m:f, args: {\nx: 1,\nx: 2}}}", 4, "on line 3 and on line 4", ""),
    "merge key": (in_task("<<: {group: g}"), 5, "merge keys (<<)", "write the keys out"),
    "a list as key": (at_top("? [a]\n: b"), 1, "a key must be text", "one word"),
    "python tag": (in_task("title: !!python/name:os.system x"), 5, "tag '!!python/name:os.system'", "remove the tag"),
    "own tag": (in_task("env: !vault {A: b}"), 5, "tag '!vault'", "remove the tag"),
    "binary tag": (in_task("title: !!binary aGk="), 5, "tag '!!binary'", "remove the tag"),
    # aliases
    "unknown alias": (in_task("title: *nobody"), 5, "alias", ""),
    "recursive alias": (at_top("x: &x\n  - *x"), 2, "inside its own anchor", "cannot contain itself"),
    "alias bomb": (bomb(9), 7, "more than 4,000,000 values", "split"),
    "bomb of long text": ("x0: &x0 " + "y" * 1_000_000 + "\nx: [" + "*x0," * 70 + "]", 2, "over 67,108,864", "aliases"),
    "too deep": (at_top("x: " + "[" * 101), 1, "nested more than 100 deep", "flatter"),
    "deep by aliases": (bomb(2).replace("lol", "[" * 98 + "]" * 98), 2, "nested more than 100 deep", "flatter"),
    # id
    "no id": (GOOD[6:], 1, "`id` is missing", "add `id: some-name`"),
    "empty id": ("id:\n" + GOOD[6:], 1, "'' is not an id", "change the id"),
    "bad id": ("id: a..b\n" + GOOD[6:], 1, "no '..'", "change the id"),
    "id is a list": ("id: [a]\n" + GOOD[6:], 1, "`id` must be text, not a list", "`id: some text`"),
    "id of 65": (f"id: {'a' * 65}\n" + GOOD[6:], 1, "1 to 64 letters", "change the id"),
    "huge id": (f"id: {'a' * 5000}\n" + GOOD[6:], 1, "5,000 characters is too long", "change the id"),
    "bad task id": (GOOD + "  b.lock: {run: x}\n", 5, "not ending in '.lock'", "change the id"),
    # tasks
    "no tasks": ("id: r\n", 1, "`tasks` is missing", "tasks: {hello: {run: echo hello}}"),
    "misspelt tasks": ("id: r\ntaks: {a: {run: x}}\n", 2, "unknown key 'taks'", "did you mean 'tasks'?"),
    "tasks is nothing": ("id: r\ntasks:\n", 2, "there are no tasks", "tasks: {hello: {run: echo hello}}"),
    "tasks is {}": ("id: r\ntasks: {}\n", 2, "there are no tasks", "echo hello"),
    "tasks is []": ("id: r\ntasks: []\n", 2, "there are no tasks", "echo hello"),
    "tasks is a list": ("id: r\ntasks:\n  - run: x\n", 3, "not a list", "write each as `name:`"),
    "tasks is a text": ("id: r\ntasks: make\n", 2, "not 'make'", "echo hello"),
    "task is a text": (
        "id: r\ntasks:\n  a: make\n",
        3,
        "task 'a' must be a mapping, not the text 'make'",
        "`run: make`",
    ),
    "task is a list": ("id: r\ntasks:\n  a: [make]\n", 3, "task 'a' must be a mapping, not a list", "`run: make`"),
    "task is nothing": ("id: r\ntasks:\n  a:\n", 3, "none of run, call and agent", "`run: make`"),
    "no way to work": ("id: r\ntasks:\n  a: {title: x}\n", 3, "none of run, call and agent", "`run: make`"),
    "misspelt way": ("id: r\ntasks:\n  a:\n    rnu: x\n", 4, "unknown key 'rnu'", "did you mean 'run'?"),
    "two ways": (in_task("agent: claude"), 5, "has run and agent; exactly one", "keep one"),
    "args for a command": (in_task("args: {x: 1}"), 5, "`args` goes with `call`", "take `args` out"),
    "prompt for a command": (in_task("prompt: x"), 5, "`prompt` goes with `agent`", "take `prompt` out"),
    "blank command": ("id: r\ntasks:\n  a:\n    run: ' '\n", 4, "`run` is blank", "give it a value"),
    "command is a list": (
        "id: r\ntasks:\n  a:\n    run: [make]\n",
        4,
        "`run` must be text, not a list",
        "`run: some text`",
    ),
    "call without function": (
        "id: r\ntasks:\n  a: {call: a.b.c}\n",
        3,
        "'a.b.c' does not name",
        "package.module:function",
    ),
    "call of a path": ("id: r\ntasks:\n  a: {call: a/b.py:f}\n", 3, "does not name", "package.module:function"),
    "call of a lambda": ("id: r\ntasks:\n  a: {call: 'm:f()'}\n", 3, "does not name", "package.module:function"),
    "call with a gap": ("id: r\ntasks:\n  a: {call: 'a..b:f'}\n", 3, "does not name", "package.module:function"),
    # needs
    "unknown need": (in_task("needs: [b]") + "  bb: {run: x}\n", 5, "'a' needs 'b', which is no task here", "'bb'"),
    "need on its line": (in_task("needs:\n      - b\n      - c") + "  b: {run: x}\n", 7, "needs 'c'", "valid: a, b"),
    "need of itself": (in_task("needs: a"), 5, "'a' needs itself", "remove it"),
    "need twice": (in_task("needs:\n      - b\n      - b") + "  b: {run: x}\n", 7, "needs 'b' twice", "once"),
    "circle": (in_task("needs: b") + "  b: {run: x, needs: [a]}\n", 5, "a -> b -> a", "take one need"),
    "needs with commas": (in_task("needs: b, c"), 5, "'b, c' is not an id", "as a list: `needs: [a, b]`"),
    "needs is a mapping": (in_task("needs: {b: c}"), 5, "must be a list of task ids", "`needs: [a, b]`"),
    "needs a list of lists": (in_task("needs: [[b]]"), 5, "must be text, not a list", "needs"),
    # numbers
    "retries in quotes": (in_task("retries: '3'"), 5, "`retries` must be a whole number, not '3'", "without quotes"),
    "retries octal": (in_task("retries: 010"), 5, "must be a whole number, not '010'", "leading zeros"),
    "retries a float": (in_task("retries: 3.0"), 5, "must be a whole number", "from 0 to 1000"),
    "retries true": (in_task("retries: yes"), 5, "must be a whole number, not 'yes'", "from 0 to 1000"),
    "retries negative": (in_task("retries: -1"), 5, "`retries` is -1", "from 0 to 1000"),
    "retries huge": (in_task("retries: 1001"), 5, "`retries` is 1001", "from 0 to 1000"),
    "retries endless": (in_task("retries: " + "9" * 5000), 5, "must be a whole number", "from 0 to 1000"),
    "priority high": (at_top("priority: 101"), 1, "`priority` is 101", "from 0 to 100"),
    "task priority": (in_task("priority: -1"), 5, "`priority` is -1", "from 0 to 100"),
    "no workers": (at_top("workers: 0"), 1, "`workers` is 0", "from 1 to 1000"),
    "workers a list": (at_top("workers: [1]"), 1, "not a list", "from 1 to 1000"),
    # durations
    "bad duration": (in_task("timeout: 3 hours"), 5, "task 'a': `timeout`: '3 hours' is not a duration", "10m"),
    "no duration": (in_task("timeout: 0"), 5, "more than 0", "10m"),
    "endless": (in_task("stall: .inf"), 5, "`stall`: '.inf' is not a duration", "10m"),
    "too long": (at_top("deadline: 400d"), 1, "at most 365d", "10m"),
    "clock time": (at_top("deadline: 1:30"), 1, "'1:30' is not a duration", "10m"),
    "duration is a list": (at_top("deadline: [1h]"), 1, "must be a duration, not a list", "`deadline: 10m`"),
    # other values
    "unknown mode": (at_top("mode: paralel"), 1, "`mode` cannot be 'paralel'", "did you mean 'parallel'?"),
    "repo is an address": (at_top("repo: https://host/x.git"), 1, "must be a folder", "clone it first"),
    "repo is blank": (at_top("repo: ''"), 1, "`repo` is blank", "take the key out"),
    "base is an option": (at_top("base: --all"), 1, "`base` cannot be '--all'", "name a branch"),
    "target is no branch": (at_top("target: a..b"), 1, "'a..b' is not a branch name", "choose a name"),
    "target is locked": (at_top("target: a.lock/b"), 1, "is not a branch name", "choose a name"),
    "env is a list": (in_task("env: [A=b]"), 5, "`env` must be a mapping, not a list", "{key: value}"),
    "env name": (in_task("env: {A=B: c}"), 5, "'A=B' cannot name a variable", "letters"),
    "env value": (in_task("env:\n      A: [b]"), 6, "`env.A` must be text, not a list", "some text"),
    "args is a list": ("id: r\ntasks:\n  a: {call: m:f, args: [1]}\n", 3, "`args` must be a mapping", "{key: value}"),
    "a date": ("id: r\ntasks:\n  a: {call: m:f, args: {\n x: 2001-01-01}}\n", 4, "date '2001-01-01'", "quotes"),
    "not a number": ("id: r\ntasks: {a: {call: m:f, args: {x: .nan}}}\n", 2, "'.nan' is no JSON value", "quotes"),
    "infinite": ("id: r\ntasks: {a: {call: m:f, args: {x: 1.0e+999}}}\n", 2, "no JSON value", "quotes"),
    "half a number": ("id: r\ntasks: {a: {call: m:f, args: {x: 0b_}}}\n", 2, "cannot be read as int", "quotes"),
    "tagged number": ("id: r\ntasks: {a: {call: m:f, args: {x: !!int ten}}}\n", 2, "cannot be read as int", "quotes"),
    "tagged bool": ("id: r\ntasks: {a: {call: m:f, args: {x: !!bool 2}}}\n", 2, "cannot be read as bool", "quotes"),
    "tagged nothing": ("id: r\ntasks: {a: {call: m:f, args: {x: !!int ''}}}\n", 2, "cannot be read as int", "quotes"),
    "long number": ("id: r\ntasks: {a: {call: m:f, args: {x: " + "1" * 500 + "}}}\n", 2, "too long", "quotes"),
    # how failures are tried again
    "retry is text": (in_task("retry: fast"), 5, "`retry` must be a mapping, not 'fast'", "`retry: {key: value}`"),
    "retry key": (in_task("retry: {delya: 1s}"), 5, "`retry`: unknown key 'delya'", "did you mean 'delay'?"),
    "retry at top": (at_top("retry: {factr: 2}"), 1, "`retry`: unknown key 'factr'", "did you mean 'factor'?"),
    "retry delay": (in_task("retry: {delay: soon}"), 5, "`retry.delay`: 'soon' is not a duration", "10m"),
    "retry factor": (in_task("retry: {factor: 0.5}"), 5, "`retry.factor` cannot be '0.5'", "from 1 to 100"),
    "retry factor text": (in_task('retry: {factor: "2"}'), 5, "`retry.factor` cannot be '2'", "from 1 to 100"),
    "retry jitter": (in_task("retry: {jitter: [1]}"), 5, "`retry.jitter` cannot be a list", "from 0 to 1"),
    "retry jitter nan": (in_task("retry: {jitter: nan}"), 5, "`retry.jitter` cannot be 'nan'", "from 0 to 1"),
    "retry max": (in_task("retry: {delay: 2m, max: 1m}"), 5, "longer than its `max`", "raise `max`"),
    "retry cause": (
        in_task("retry:\n      on:\n        timout: {retries: 1}"),
        7,
        "'timout' is no cause",
        "did you mean 'timeout'?",
    ),
    "retry exit code": (in_task("retry: {on: {256: {retries: 1}}}"), 5, "'256' is no cause", "exit code from 1 to 255"),
    "retry exit 0": (in_task("retry: {on: {0: {retries: 1}}}"), 5, "'0' is no cause", "exit code from 1 to 255"),
    "retry exception": (in_task("retry: {on: {'exception:': {}}}"), 5, "is no cause", "the name of its class"),
    "retry rule": (in_task("retry: {on: {75: 3}}"), 5, "`retry.on.75` must be a mapping, not '3'", "{key: value}"),
    "retry rule key": (in_task("retry: {on: {75: {retry: 3}}}"), 5, "unknown key 'retry'", "did you mean 'retries'?"),
    "retry rule retries": (in_task("retry: {on: {75: {retries: ever}}}"), 5, "not 'ever'", "from 0 to 1000, or never"),
}


@pytest.mark.parametrize("loader", ["fast", "python"])
@pytest.mark.parametrize("name", TABLE)
def test_a_bad_file_is_refused_with_line_reason_and_hint(
    name: str, loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if loader == "python":
        monkeypatch.setattr(yaml_nodes, "LOADER", yaml.SafeLoader)
    text, line, message, hint = TABLE[name]
    with pytest.raises(BadInput) as refused:
        read_requirement(text, file="some/r.yaml", base_dir="/")
    error = refused.value
    assert (error.file, error.line, error.exit_code) == ("some/r.yaml", line, 3), str(error)
    assert str(error).startswith(f"some/r.yaml:{line}: ")
    assert message in error.message
    assert hint in error.hint
    assert error.hint, "every refusal says what to do next"
    assert len(error.message) + len(error.hint) < 800
    assert "\n" not in error.message + error.hint


def test_the_good_file_of_the_table_is_good() -> None:
    assert read_requirement(GOOD, file="r.yaml", base_dir="/").id == "r"

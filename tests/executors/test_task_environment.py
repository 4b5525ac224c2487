"""What a task sees of the environment."""

from __future__ import annotations

import pytest

from aidos_actors.executors import task_environment


@pytest.mark.parametrize(
    "name",
    [
        "GITHUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "PgPassword",
        "MYSQL_PASSWD",
        "OPENAI_API_KEY",
        "apikey",
        "SSH_PRIVATE_KEY",
        "AWS_ACCESS_KEY_ID",
        "STRIPE_KEY",
        "MYTOKEN",
        "GPG_PASSPHRASE",
    ],
)
def test_secrets_of_the_runtime_do_not_reach_a_task(name):
    assert task_environment({name: "x", "PATH": "/bin"}, {}, {}) == {"PATH": "/bin"}


@pytest.mark.parametrize("name", ["TOKENIZERS_PARALLELISM", "MONKEY", "KEYBOARD", "PWD", "HOME", "SSH_AUTH_SOCK"])
def test_what_is_no_secret_is_passed_on(name):
    assert task_environment({name: "x"}, {}, {}) == {name: "x"}


def test_ours_are_not_inherited_and_ours_win():
    base = {"AIDOS_STATE_DIR": "/state", "HOME": "/root", "LANG": "C"}
    extra = {"LANG": "de_DE", "API_KEY": "given on purpose", "AIDOS_TASK": "forged"}
    made = task_environment(base, extra, {"AIDOS_TASK": "index"})
    assert made == {"HOME": "/root", "LANG": "de_DE", "API_KEY": "given on purpose", "AIDOS_TASK": "index"}

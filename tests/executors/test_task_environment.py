"""What a task sees of the environment."""

from __future__ import annotations

import pytest

from aidos_actors.executors.environment import task_environment


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


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"])
def test_a_runtime_started_by_a_git_hook_does_not_send_tasks_into_that_repository(name):
    assert task_environment({name: "x", "GIT_SSH_COMMAND": "ssh"}, {}, {}) == {"GIT_SSH_COMMAND": "ssh"}
    assert task_environment({name: "x"}, {name: "on purpose"}, {}) == {name: "on purpose"}


def test_ours_are_not_inherited_and_ours_win():
    base = {"AIDOS_STATE_DIR": "/state", "HOME": "/root", "LANG": "C"}
    extra = {"LANG": "de_DE", "API_KEY": "given on purpose", "AIDOS_TASK": "forged"}
    made = task_environment(base, extra, {"AIDOS_TASK": "index"})
    assert made == {"HOME": "/root", "LANG": "de_DE", "API_KEY": "given on purpose", "AIDOS_TASK": "index"}

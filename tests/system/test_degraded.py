"""A repository that cannot be written or read whole degrades GitOps: what needs it waits and says why, all else goes
on, and it comes back by itself."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import Place, eventually


def gitops(place: Place) -> dict[str, Any]:
    delivery = next(child for child in place.tree()["children"] if child["id"] == "delivery")
    return dict(delivery["children"][0])


def status(place: Place, *words: str) -> tuple[int, dict[str, Any]]:
    done = place.here("status", *words, "--json")
    return done.returncode, json.loads(done.stdout)["data"]


def second_repository(folder: Path) -> None:
    folder.mkdir()
    for words in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "Begin"]):
        identity = ["-c", "user.name=Someone", "-c", "user.email=someone@localhost"]
        subprocess.run(["git", *identity, *words], cwd=folder, check=True)


def test_merging_waits_work_goes_on_and_it_comes_back_by_itself(place: Place) -> None:
    second_repository(place.folder / "other")
    gate, objects = place.folder / "go", place.repo / ".git" / "objects"
    serve = place.begin("serve", "--workers", "2")
    wait = f"while [ ! -e '{gate}' ]; do sleep 0.05; done; echo b > b.txt"
    place.aidos("submit", str(place.requirement({"slow": {"run": wait}}, verify="true")))
    eventually(lambda: place.event("attempt_started", "slow"))
    objects.rename(objects.with_name("objects.away"))
    gate.touch()
    before = gitops(place)

    why = f"integrate {place.repo}: GitFailed"  # at first cut to what the page can hold
    node = eventually(lambda: node if (node := gitops(place))["degraded"] and why in node["degraded"] else None)
    code, data = status(place)
    assert (code, [part["path"] for part in data["degraded"]]) == (9, ["root/delivery/gitops"])

    other = place.requirement({"quick": {"run": "echo a > a.txt"}}, name="beside", repo="./other")
    assert place.aidos("submit", str(other)).returncode == 0
    eventually(lambda: status(place, "beside")[1]["state"] == "done")

    objects.with_name("objects.away").rename(objects)
    eventually(lambda: status(place, "work")[1]["state"] == "done")
    [task] = status(place, "work")[1]["tasks"]
    assert (task["attempts"], task["infra_faults"]) == (1, 0), "a fault of the machine used up a retry"
    node = gitops(place)
    assert (node["degraded"], node["pid"], node["restarts"]) == (None, before["pid"], 0)
    assert status(place)[0] == 0
    place.assert_laws("work", {"slow"})
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0
    place.assert_clean()


def make_partial_clone(place: Place) -> Callable[[], object]:
    """The place's repository lacks the content of its files, and the remote that has it is away until it is called
    back."""
    remote, away = place.folder / "remote", place.folder / "away"
    place.git("config", "uploadpack.allowFilter", "true")
    place.repo.rename(remote)
    words = ["clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{remote}", str(place.repo)]
    subprocess.run(["git", *words], check=True)
    remote.rename(away)
    return lambda: away.rename(remote)


def make_filter_fail(place: Place) -> Callable[[], object]:
    """A file of the place's repository goes through a filter that fails until it is put right."""
    (place.repo / ".gitattributes").write_text("a.txt filter=sour\n")
    place.git("add", "-A")
    place.git("commit", "-q", "-m", "Filter")
    place.git("config", "filter.sour.required", "true")
    place.git("config", "filter.sour.clean", "cat")
    place.git("config", "filter.sour.smudge", "false")
    return lambda: place.git("config", "filter.sour.smudge", "cat")


@pytest.mark.parametrize(
    ("harm", "why"),
    [(make_partial_clone, "Could not read from remote repository"), (make_filter_fail, "smudge filter sour failed")],
)
def test_a_task_whose_worktree_cannot_be_made_says_why(
    place: Place, harm: Callable[[Place], Callable[[], object]], why: str
) -> None:
    put_right = harm(place)
    serve = place.begin("serve", "--workers", "2")
    place.aidos("submit", str(place.requirement({name: {"run": f"echo > {name}"} for name in "ab"})))

    def told(task: str) -> str | None:
        texts = [reason["text"] for reason in place.data("explain", f"work/{task}")["reasons"]]
        return next((text for text in texts if why in text), None)

    eventually(lambda: told("a") and told("b"))
    eventually(lambda: f"prepare {place.repo}" in (said := gitops(place)["degraded"] or "") and why in said)

    put_right()
    eventually(lambda: status(place, "work")[1]["state"] == "done")
    assert not (told("a") or told("b"))
    tasks = status(place, "work")[1]["tasks"]
    assert [(task["attempts"], task["infra_faults"]) for task in tasks] == [(1, 0)] * 2
    assert gitops(place)["degraded"] is None
    place.assert_laws("work", {"a", "b"})
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0
    place.assert_clean()

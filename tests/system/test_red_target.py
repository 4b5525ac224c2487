"""A target that turns red under the real program: who did it is found, taken back and done again, by nobody's hand."""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.system.conftest import Place, eventually

GATE = "! ls | grep -q '^red'"


def wait_for(path: object) -> str:
    return f"while [ ! -e '{path}' ]; do sleep 0.05; done"


@pytest.mark.parametrize("killed", [None, "root/delivery/gitops", "root/scheduling/scheduler"])
def test_a_commit_that_another_requirement_s_gate_refuses_is_reverted_and_its_task_done_again(
    place: Place, killed: str | None
) -> None:
    """``wild`` has no gate, and publishes to the target of ``shop``, which has one."""
    go, on = place.folder / "go", place.folder / "on"
    again = "git log --format=%B aidos/shop | grep -q 'Aidos-Reverted-Task: wild'"
    wild = {
        "wild": {"run": f"if {again}; then echo > tame; else echo > red; fi", "retries": 2},
        "later": {"run": f"{wait_for(on)}; echo > later", "needs": ["wild"]},
    }
    shop = {"slow": {"run": f"{wait_for(go)}; echo > slow"}}
    serve = place.begin("serve", "--workers", "3")
    place.aidos("submit", str(place.requirement(shop, name="shop", verify=GATE)))
    place.aidos("submit", str(place.requirement(wild, name="wild", target="aidos/shop")))
    eventually(lambda: place.event("task_done", "wild"))
    if killed is None:  # nobody wants to publish: the watch alone must see it
        condemned = eventually(lambda: place.event("task_condemned", "wild"), 60)
    else:
        go.touch()
        condemned = eventually(lambda: place.event("task_condemned", "wild"), 60)
        place.kill(place.pids()[killed])
    assert condemned["attempt"] == 1
    eventually(lambda: place.event("task_done", "wild", condemned["seq"]), 60)
    if killed is None:
        eventually(lambda: place.event("target_green"))
    go.touch()
    on.touch()
    for name in ("shop", "wild"):
        eventually(lambda name=name: place.data("status", name)["state"] == "done", 60)
    assert {each["id"]: each["attempts"] for each in place.data("status", "wild")["tasks"]}["wild"] == 2
    names = place.git("ls-tree", "--name-only", "aidos/shop").split()
    assert {"tame", "slow", "later"} <= set(names) and "red" not in names
    line = place.git("log", "--format=%P", "main..aidos/shop").splitlines()
    assert all(len(parents.split()) == 1 for parents in line) and len(line) == 5
    assert place.event("target_red", after_seq=0)["data"]["target"] == "aidos/shop"
    assert place.data("db", "check")["sound"]
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0
    place.assert_clean()


def test_a_foreign_commit_is_left_alone_named_and_waited_for(place: Place) -> None:
    """Somebody pushes what the gate refuses. Nothing of ours is blamed; when they mend it, everything goes on."""
    go = place.folder / "go"
    tasks = {"first": {"run": "echo > first"}, "slow": {"run": f"{wait_for(go)}; echo > slow", "needs": ["first"]}}
    serve = place.begin("serve", "--workers", "2")
    place.aidos("submit", str(place.requirement(tasks, name="shop", verify=GATE)))
    eventually(lambda: place.event("task_done", "first"))
    head = place.git("rev-parse", "aidos/shop")
    blob = place.git("hash-object", "-w", "a.txt")
    tree = place.git("ls-tree", head) + f"\n100644 blob {blob}\tred-by-hand\n"
    made = subprocess.run(["git", "mktree"], cwd=place.repo, input=tree, text=True, capture_output=True, check=True)
    bad = place.git("commit-tree", made.stdout.strip(), "-p", head, "-m", "By hand")
    place.git("update-ref", "refs/heads/aidos/shop", bad, head)
    go.touch()
    red = eventually(lambda: place.event("target_red"), 60)
    assert red["data"]["commit"] == bad and "Someone" in red["data"]["by"]
    assert place.event("task_condemned") is None
    assert place.git("rev-parse", "aidos/shop") == bad, "a foreign commit is not touched"
    good = place.git("commit-tree", f"{head}^{{tree}}", "-p", bad, "-m", "Mended")
    place.git("update-ref", "refs/heads/aidos/shop", good, bad)
    eventually(lambda: place.data("status", "shop")["state"] == "done", 60)
    assert {each["id"]: each["attempts"] for each in place.data("status", "shop")["tasks"]} == {"first": 1, "slow": 1}
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0
    place.assert_clean()

"""The merge queue of the real program: what waits together is judged together, and only the guilty is tried again."""

from __future__ import annotations

from tests.system.conftest import Place


def test_results_that_wait_share_a_gate_and_only_the_guilty_is_tried_again(place: Place) -> None:
    gates = place.folder / "gates"
    judge = f"ls | sort | tr '\\n' ' ' >> '{gates}'; echo >> '{gates}'; sleep 0.4; ! ls | grep -q '^red'"
    tasks = {f"t{number}": {"run": f"echo {number} > f{number}.txt"} for number in range(8)}
    tasks["t5"] = {"run": 'if [ "$AIDOS_ATTEMPT" = 1 ]; then echo > red; else echo 5 > f5.txt; fi'}
    place.requirement(tasks, verify=judge)
    done = place.aidos("run", str(place.folder / "work.yaml"), "--workers", "4")
    assert done.returncode == 0, done.stderr
    attempts = {task["id"]: task["attempts"] for task in place.data("status", "work")["tasks"]}
    assert attempts == {**dict.fromkeys(tasks, 1), "t5": 2}
    runs = gates.read_text().splitlines()
    judged, at_once = set[str](), []
    for files in (set(run.split()) for run in runs):
        at_once.append(len(files - judged))
        judged |= files
    assert max(at_once[1:]) > 1, f"nothing was judged together: {runs}"
    [ended] = [
        event for event in place.journal() if event["type"] == "attempt_ended" and event["data"]["fault"] == "own"
    ]
    assert (ended["task"], ended["data"]["stage"]) == ("t5", "gate_failed")
    place.assert_laws("work", set(tasks))
    place.assert_clean()

"""What a callable does to the process that it is called in, for real: the next one finds what the first one did."""

from __future__ import annotations

from typing import Any

import pytest

from tests.system.conftest import Place

JOBS = """
import builtins, decimal, gc, locale, os, resource, shutil, socket, sys, tempfile, threading, time

def leaves_its_folder():
    os.chdir("/")

def removes_its_folder():
    os.chdir(tempfile.mkdtemp())
    os.rmdir(os.getcwd())

def changes_variables():
    os.environ["SPOILT"] = "yes"
    os.environ["TZ"] = "UTC+5"
    time.tzset()
    del os.environ["HOME"]

def replaces_variables():
    os.environ = {}

def masks():
    os.umask(0o777)

def speaks_otherwise():
    locale.setlocale(locale.LC_ALL, "C")

def recurses_little():
    sys.setrecursionlimit(150)

def forgets_the_library():
    sys.path.clear()

def has_no_path():
    sys.path = None

def hurries():
    socket.setdefaulttimeout(0.001)
    sys.setswitchinterval(100)
    sys.set_int_max_str_digits(640)
    gc.disable()

def counts_coarsely():
    decimal.getcontext().prec = 3

def spoils_names():
    builtins.len = lambda _: 0
    builtins.open = None
    builtins.extra = 1
    del builtins.sorted

def has_few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

def finds():
    mask = os.umask(0)
    os.umask(mask)
    return [os.getcwd(), dict(os.environ), mask, locale.setlocale(locale.LC_ALL), sys.getrecursionlimit(), sys.path,
            socket.getdefaulttimeout(), sys.getswitchinterval(), sys.get_int_max_str_digits(), gc.isenabled(),
            decimal.getcontext().prec, time.timezone, resource.getrlimit(resource.RLIMIT_NOFILE),
            [len("four"), str(open), str(sorted), hasattr(builtins, "extra")]]

def lowers_its_limits():
    resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

def closes_the_standard_streams():
    os.closerange(0, 3)

def becomes_somebody_else():
    os.setuid(65534)

def leaves_descriptors_open():
    try:
        while True:
            os.dup(2)
    except OSError:
        return None

def works(path):
    with open(path, "w") as file:
        file.write(str(os.getuid()))
"""
PUT_BACK = [
    *("leaves_its_folder", "removes_its_folder", "changes_variables", "replaces_variables", "masks"),
    *("speaks_otherwise", "recurses_little", "forgets_the_library", "has_no_path", "hurries", "counts_coarsely"),
    *("spoils_names", "has_few_descriptors"),
]
WEARING = [
    *("lowers_its_limits", "closes_the_standard_streams", "becomes_somebody_else", "leaves_descriptors_open"),
]
IMPORTED_ONCE = """
import os, sys
os.environ["SET_BY_IMPORT"] = "yes"
sys.path.append("/added/by/import")
os.chdir("/")

def finds():
    return [os.environ.get("SET_BY_IMPORT"), "/added/by/import" in sys.path, os.getcwd()]
"""


def run_of(place: Place, tasks: dict[str, Any], code: int = 0) -> dict[str, dict[str, Any]]:
    """The tasks when all is over, on one worker."""
    (place.folder / "jobs.py").write_text(JOBS)
    (place.folder / "imported_once.py").write_text(IMPORTED_ONCE)
    file = place.requirement(tasks, repo=None)
    run = place.begin("run", str(file), "--workers", "1", PYTHONPATH=str(place.folder))
    assert run.wait(90) == code, place.said()
    return {task["id"]: task for task in place.data("status", "work")["tasks"]}


def result(place: Place, task: str) -> Any:
    return place.data("output", f"work/{task}")["result"]


@pytest.mark.parametrize("verify", [None, "true"], ids=["in a batch", "alone"])
def test_what_a_callable_changes_the_next_one_does_not_find(place: Place, verify: str | None) -> None:
    tasks: dict[str, Any] = {"finds": {"call": "jobs:finds"}}
    last = "finds"
    for how in PUT_BACK:
        tasks[how] = {"call": f"jobs:{how}", "needs": [last], "verify": verify, "retries": 0}
        last = f"after-{how}"
        tasks[last] = {"call": "jobs:finds", "needs": [how], "retries": 0}
    tasks["command"] = {"run": "umask", "needs": [last]}
    run_of(place, tasks)
    first = result(place, "finds")
    assert {how: result(place, f"after-{how}") for how in PUT_BACK} == dict.fromkeys(PUT_BACK, first)
    assert place.data("output", "work/command")["output"].strip() == f"{first[2]:04o}"
    place.assert_clean()


def test_what_the_import_of_its_module_changes_a_callable_finds_each_time_but_no_other_folder(place: Place) -> None:
    """It happens once for all calls in a worker, so they would not agree otherwise."""
    tasks = {f"t{number}": {"call": "imported_once:finds"} for number in range(3)}
    run_of(place, tasks)
    assert [result(place, task) for task in tasks] == [["yes", True, str(place.folder)]] * 3
    place.assert_clean()


@pytest.mark.parametrize("verify", [None, "true"], ids=["in a batch", "alone"])
@pytest.mark.parametrize("how", WEARING)
def test_what_cannot_be_put_back_costs_no_other_callable_more_than_its_worker(
    place: Place, how: str, verify: str | None
) -> None:
    path = str(place.folder / "written")
    others = {f"t{number}": {"call": "jobs:works", "args": {"path": path}, "retries": 0} for number in range(40)}
    odd = {"call": f"jobs:{how}", "priority": 90, "verify": verify, "retries": 0}
    tasks = {"odd": odd, **others}
    tasks |= {"command": {"run": "true", "retries": 0}, "alone": {**others["t0"], "verify": "true"}}
    found = run_of(place, tasks, 1 if verify else 0)
    odd = found.pop("odd")
    assert odd["state"] == "done" or (verify and "so its verify cannot run" in odd["error"])
    assert {task["state"] for task in found.values()} == {"done"}
    assert (place.folder / "written").read_text() == "0"
    place.assert_clean()

"""Which processes a kill means: found in the tree by kind, and below the workers by what they are."""

from __future__ import annotations

from pathlib import Path

from chaos.experiment import Kill
from chaos.faults.processes import Process, family_of, process_of
from chaos.sight import Node, Sight
from chaos.stages import Opening
from supervisors.linux import children

NURSERY_FILE = b"nursery_main.py"
# The branch that does the work of a stage: its supervisor is the one worth killing then.
BRANCH_OF_STAGE = {
    "analysing": "root/analysis",
    "dispatching": "root/scheduling",
    "running": "root/workers",
    "integrating": "root/delivery",
}


def victims_of(kill: Kill, opening: Opening, sight: Sight, run: Process | None) -> list[Process]:
    """The processes to kill, living ones, parents first; empty when there is none of that kind just now.

    Of several of one kind it is the one that has to do with ``opening``, else the first. ``run`` is the owner, where
    the campaign started it.
    """
    match kill.kind:
        case "run":
            return [run] if run is not None else []
        case "tree":
            guardian = process_of(sight.system.get("guardian", 0))
            return family_of(guardian) if guardian is not None else []
        case "guardian" | "admin" | "logger" | "launcher":
            return _living([sight.system.get(kill.kind)])[:1]
        case "nursery" | "minder":
            return _below_workers(kill.kind, opening, sight)[:1]
        case _:
            nodes = [node for node in sight.nodes if kind_of(node) == kill.kind]
            wanted = (opening.worker, BRANCH_OF_STAGE[opening.stage])
            nodes.sort(key=lambda node: node.path not in wanted)
            return _living([node.pid for node in nodes])[:1]


def kind_of(node: Node) -> str:
    """worker, scheduler, analyzer, gitops, supervisor or root; another leaf is called by its id."""
    above, _, name = node.path.rpartition("/")
    if node.kind == "supervisor":
        return "supervisor" if above else "root"
    return "worker" if above.rpartition("/")[2] == "workers" else name


def _below_workers(kind: str, opening: Opening, sight: Sight) -> list[Process]:
    workers = [node for node in sight.nodes if kind_of(node) == "worker" and node.pid is not None]
    workers.sort(key=lambda node: node.path != opening.worker)
    nurseries = [pid for node in workers if node.pid for pid in children(node.pid) if _is_of_nursery(pid)]
    if kind == "nursery":
        return _living(nurseries)
    minders = [pid for nursery in nurseries for pid in children(nursery) if _is_of_nursery(pid)]
    return _living(sorted(minders, key=lambda pid: pid != opening.minder_pid))


def _is_of_nursery(pid: int) -> bool:
    """Whether it is a nursery or one of its forks; a command that was started is something else by then."""
    try:
        return NURSERY_FILE in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _living(pids: list[int | None] | list[int]) -> list[Process]:
    found = (process_of(pid) for pid in pids if pid is not None)
    return [process for process in found if process is not None]

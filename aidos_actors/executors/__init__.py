"""Running commands so that nothing they start ever outlives them.

An owner (a process of ours) has one *nursery*; for each order the nursery forks a *minder*, and the minder runs the
command. Each of the three ends everything below itself before it ends, and watches the others.
"""

from __future__ import annotations

from aidos_actors.executors.environment import task_environment, without_secrets
from aidos_actors.executors.minded import Minded
from aidos_actors.executors.nursery import Nursery, run
from aidos_actors.executors.orders import NurseryLost, Order, Outcome, SpawnFailed
from aidos_actors.executors.sweep import end_marked, is_alive, marked_processes, wait_gone

__all__ = [
    "Minded",
    "Nursery",
    "NurseryLost",
    "Order",
    "Outcome",
    "SpawnFailed",
    "end_marked",
    "is_alive",
    "marked_processes",
    "run",
    "task_environment",
    "wait_gone",
    "without_secrets",
]

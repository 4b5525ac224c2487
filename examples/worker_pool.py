"""A pool of workers from one template: ten numbers are squared, one of them kills its worker, and none is lost.

python examples/worker_pool.py
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from supervisors import ActorTree, ChildSpec, ManagedActor, Strategy, SupervisorError, SupervisorSpec

WORKERS, NUMBERS, UNLUCKY = 3, range(10), 7


class Squarer(ManagedActor):
    def on_start(self, folder: str) -> None:
        self.mark = Path(folder) / "died once"

    def receive(self, message: Any, sender: str | None) -> None:
        if message == UNLUCKY and not self.mark.exists():
            self.mark.touch()
            os.abort()
        self.reply(message * message)


def square(tree: ActorTree, number: int) -> int:
    """The square, from whichever worker is there; a question whose worker died is put to the next one."""
    turn = number
    while True:
        turn += 1
        try:
            return int(tree.ask(f"root/pool/squarer-{turn % WORKERS + 1}", number))
        except SupervisorError as error:
            if error.code not in ("restarting", "actor_failed"):
                raise


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        template = ChildSpec(id="squarer", actor=Squarer, args={"folder": folder})
        pool = SupervisorSpec(id="pool", strategy=Strategy.DYNAMIC, children=[template], initial=WORKERS)
        with ActorTree.start(SupervisorSpec(id="root", children=[pool]), state_dir=f"{folder}/state") as tree:
            with ThreadPoolExecutor(WORKERS) as threads:
                print(list(threads.map(lambda number: square(tree, number), NUMBERS)))
            died = [event for event in tree.events() if event.type == "exited"]
            print(f"{len(died)} worker died: {died[0].reason}")


if __name__ == "__main__":
    main()

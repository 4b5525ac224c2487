"""A counter that survives ``kill -9``: python examples/durable_counter.py [STATE_DIR]

It counts to ten while its process is killed again and again. Each step is asked for with a key of its own and asked
again until it is answered, so none is lost and none is counted twice. Run again on the same folder, it counts on.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from typing import Any

from pydantic import BaseModel

from supervisors import ActorTree, ChildSpec, DurableActor, SupervisorError, SupervisorSpec

STEPS = 10
PATIENCE_S = 30.0


class Counter(DurableActor):
    class State(BaseModel):
        count: int = 0

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case "step":
                self.state.count += 1
                self.reply(self.state.count)
            case "count and pid":
                self.reply((self.state.count, os.getpid()))


def surely(tree: ActorTree, message: str, key: str | None = None) -> Any:
    """The answer, however often the counter dies meanwhile."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return tree.ask("counter", message, idempotency_key=key)
        except SupervisorError as error:
            if error.code not in ("restarting", "actor_failed", "timeout") or time.monotonic() > until:
                raise
            time.sleep(0.005)


def main(state_dir: str) -> int:
    spec = SupervisorSpec(id="root", children=[ChildSpec(id="counter", actor=Counter)], max_restarts=100)
    with ActorTree.start(spec, state_dir=state_dir) as tree:
        before, _ = surely(tree, "count and pid")
        for step in range(before + 1, before + STEPS + 1):
            _, pid = surely(tree, "count and pid")
            if step % 2:
                os.kill(pid, signal.SIGKILL)
            print(f"step {step}: the counter says {surely(tree, 'step', f'step {step}')}")
        after, _ = surely(tree, "count and pid")
        kills = tree.which_children("root")[0].restarts
    print(f"counted from {before} to {after}, killed {kills} times")
    return 0 if after == before + STEPS else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(main(folder))

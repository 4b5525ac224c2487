"""An actor that greets, is killed, and greets again.

python examples/hello.py
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from typing import Any

from supervisors import ActorTree, ManagedActor, SupervisorError, SupervisorSpec


class Greeter(ManagedActor):
    def on_start(self, greeting: str) -> None:
        self.greeting = greeting

    def receive(self, message: Any, sender: str | None) -> None:
        self.reply(f"{self.greeting}, {message}!")


def main() -> None:
    spec = SupervisorSpec(id="root", children=[Greeter.child_spec(args={"greeting": "Hello"})])
    with tempfile.TemporaryDirectory() as folder, ActorTree.start(spec, state_dir=folder) as tree:
        print(tree.ask("greeter", "world"))
        (greeter,) = tree.which_children("root")
        assert greeter.pid is not None
        os.kill(greeter.pid, signal.SIGKILL)
        print(f"{ask_patiently(tree, 'greeter', 'again')} (killed once, and back)")


def ask_patiently(tree: ActorTree, target: str, message: Any) -> Any:
    """An ask never waits for a replacement by itself: whoever can repeat the question does so."""
    while True:
        try:
            return tree.ask(target, message)
        except SupervisorError as error:
            if error.code not in ("restarting", "actor_failed"):
                raise
            time.sleep(0.01)


if __name__ == "__main__":
    main()

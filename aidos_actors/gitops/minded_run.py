"""Git, and the gate, run under minders: whatever they start ends with GitOps, however it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aidos_actors.core.errors import TryAgain
from aidos_actors.executors.command import shell_order
from aidos_actors.executors.full_disk import full_disk
from aidos_actors.executors.minded import Minded
from aidos_actors.executors.nursery import Nursery, run
from aidos_actors.executors.orders import NurseryLost, Order
from aidos_actors.folders import end_of
from aidos_actors.gitops.git import GIT_TIMEOUT_S, NOT_STARTED, Completed
from aidos_actors.gitops.outcomes import GateResult
from aidos_actors.withdrawal import Withdrawal

GATE_TRIES_MAX = 3
GATE_TIMEOUT_S = 3600.0
GIT_GRACE_S = 2.0
TAIL_BYTES = 4000


class MindedRun:
    """The port ``Run`` on a nursery. From job threads; raises ``NurseryLost`` when the nursery dies meanwhile."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery

    def __call__(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        input: bytes = b"",  # noqa: A002 - the word of subprocess
        timeout_s: float = GIT_TIMEOUT_S,
    ) -> Completed:
        order = Order(tuple(argv), cwd, env, input=input, timeout_s=timeout_s, grace_s=GIT_GRACE_S)
        done = run(self._nursery, order)
        if done.exit_code is None and done.signal is None:
            return Completed(NOT_STARTED, done.stdout, done.stderr + done.message.encode())
        code = done.exit_code if done.exit_code is not None else -(done.signal or 0)
        note = b"" if done.reason == "exited" else b"\n" + done.message.encode()
        return Completed(code, done.stdout, done.stderr + note)


def run_gate(
    nursery: Nursery, command: str, folder: str, env: Mapping[str, str], output: Path, withdrawal: Withdrawal
) -> GateResult:
    """``command`` has judged the merge result in ``folder``; what it wrote is in ``output``. It is asked again when its
    minder was lost; one that loses it each time is taken for the one who ends it. Withdrawn, it is ended with all that
    it started, and what it said counts for nothing. Raises ``NurseryLost``; ``TryAgain`` when it is red on a full
    disk."""

    def began(minded: Minded) -> None:
        withdrawal.then(lambda: minded.end("nobody wants its verdict any more"))

    order = shell_order(command, cwd=folder, env=env, output_path=output, timeout_s=GATE_TIMEOUT_S)
    for _ in range(GATE_TRIES_MAX):
        output.unlink(missing_ok=True)
        done = run(nursery, order, began)
        if done.reason != "lost":
            break
    if done.reason == "no_room":
        raise NurseryLost(done.message)
    if done.exit_code and (place := full_disk(folder, output.parent)):
        text = f"the gate ended with exit code {done.exit_code}, but the disk of {place} is full"
        raise TryAgain(text, hint="free space on it; the gate is asked again")
    tail = _tail(output)
    if done.reason == "exited" and done.exit_code is not None:
        return GateResult(done.exit_code, tail)
    return GateResult(1, f"{tail}\n{done.message or f'ended by signal {done.signal}'}".strip())


def _tail(file: Path) -> str:
    try:
        return end_of(file, TAIL_BYTES)
    except OSError:
        return ""

"""``SimulatedTree``: a tree on a simulated machine, held as an ``ActorTree`` is, so that one test runs on both.

Each verb lets virtual time run on until its answer is there. The guardian's decisions (``guardian_policy``) are carried
out here on the simulated root; the switchboard is the one the real launcher uses.
"""

from __future__ import annotations

import pickle
from typing import Any

from supervisors import guardian_policy as policy
from supervisors.errors import ExitReason, SupervisorError
from supervisors.handle import CALL_TIMEOUT_S, START_TIMEOUT_S, TreeHandle, pickled, start_failure
from supervisors.messages import Hello, Stop
from supervisors.parcel import opened
from supervisors.specs import SupervisorSpec
from supervisors.switchboard import Switchboard
from supervisors.systems.simulated import Address, Faults, Simulation
from supervisors.systems.simulated_process import SIGKILLED, SimulatedProcess

STOP_TIMEOUT_S = 120.0
ANSWER_GRACE_S = 5.0


class _Call:
    """One request, as the switchboard takes it."""

    def __init__(self, number: int, verb: str, target: str, args: dict[str, Any], timeout_s: float) -> None:
        self.id = f"call-{number}"
        self.verb = verb
        self.target = target
        self.args = args
        self.timeout_s = timeout_s
        self.answers: list[tuple[Any, SupervisorError | None]] = []

    def answer(self, value: Any = None, error: SupervisorError | None = None) -> None:
        self.answers.append((value, error))


class SimulatedTree(TreeHandle):
    """Made by ``SimulatedTree.start``. ``heals`` counts how often the guardian brought the system back."""

    path = "outside"

    def __init__(self) -> None:
        raise TypeError("use SimulatedTree.start(spec, seed=…)")

    @classmethod
    def start(
        cls,
        spec: SupervisorSpec,
        *,
        seed: int = 0,
        faults: Faults | None = None,
        on_give_up: str = "end",
        state_dir: Any = None,
    ) -> SimulatedTree:
        """All children of ``spec`` have started when this returns; no real time has passed. The same ``seed``,
        ``faults`` and calls give the same ``trace``. Raises what ``ActorTree.start`` raises; nothing is written to
        ``state_dir``."""
        tree = object.__new__(cls)
        tree._begin(pickled(spec), Simulation(seed, faults), on_give_up)
        return tree

    def _begin(self, spec: bytes, machine: Simulation, on_give_up: str) -> None:
        self.machine = machine
        self.heals = 0
        self._spec = spec
        self._on_give_up = on_give_up
        self._address = machine.settle(self)
        self._calls = 0
        self._is_stopping = False
        self._revivals = policy.Revivals()
        self._was_up = False
        self._up_at: float | None = None
        self._ended: ExitReason | None = None
        self._failure: SupervisorError | None = None
        self._root: SimulatedProcess | None = None
        self._launch()
        machine.run_until(lambda: self._up_at is not None or self._ended, machine.now() + START_TIMEOUT_S)
        if self._up_at is None:
            failure = self._failure or SupervisorError("start_failed", f"the tree did not start: {self._ended}")
            self.stop()
            raise failure

    # ---- the machine: time, processes, faults

    def now(self) -> float:
        """Virtual seconds since the start."""
        return self.machine.now()

    def wall(self) -> float:
        """Virtual wall-clock seconds."""
        return self.machine.wall()

    def sleep(self, seconds: float) -> None:
        """``seconds`` of virtual time have passed."""
        self.machine.run_for(seconds)

    @property
    def trace(self) -> list[str]:
        """What happened so far, one line each."""
        return list(self.machine.trace)

    def living(self) -> dict[str, int]:
        """The pid of every living process, by path."""
        return {process.path: process.pid for process in self._processes()}

    def kill(self, process: str | int) -> None:
        """The process, named by path, unique id or pid, is dead at once, as by SIGKILL."""
        self._process(process).die(SIGKILLED)

    def freeze(self, process: str | int) -> None:
        """The process handles nothing until ``thaw``, as by SIGSTOP."""
        self._process(process).freeze()

    def thaw(self, process: str | int) -> None:
        self._process(process).thaw()

    def _processes(self) -> list[SimulatedProcess]:
        found: list[SimulatedProcess] = []
        rest = [self._root] if self._root is not None else []
        while rest:
            process = rest.pop()
            if process.is_alive:
                found.append(process)
                rest.extend(process.children.values())
        return found

    def _process(self, name: str | int) -> SimulatedProcess:
        found = [
            each for each in self._processes() if name in (each.path, each.pid) or each.path.rpartition("/")[2] == name
        ]
        exact = [each for each in found if each.path == name] or found
        if len(exact) != 1:
            raise SupervisorError("not_found", f"{len(exact)} living processes are named {name!r}")
        return exact[0]

    # ---- the end

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """No process of the tree lives when this returns: in good order, or killed when ``timeout_s`` virtual seconds
        did not suffice."""
        self._is_stopping = True
        if self._ended is None and self._root is not None and self._root.is_alive:
            self._send(self._root.address(), Stop(ExitReason("shutdown", "stopped")))
            self.machine.run_until(lambda: self._ended, self.now() + timeout_s)
        if self._root is not None:
            self._root.die(SIGKILLED)
        self._finish(ExitReason("shutdown", "stopped"))

    def wait_until_stopped(self, timeout_s: float) -> ExitReason:
        """Why the root ended by its own decision, or was stopped. SupervisorError ``timeout`` when it has not."""
        self.machine.run_until(lambda: self._ended, self.now() + timeout_s)
        if self._ended is None:
            raise SupervisorError("timeout", f"the tree still runs after {timeout_s:g} s")
        return self._ended

    # ---- the guardian

    def _launch(self) -> None:
        if self._ended is not None or self._is_stopping:
            return
        spec = pickle.loads(self._spec)  # noqa: S301 - pickled by this very object, in memory
        pid = self.machine.new_pid()
        self._root = root = SimulatedProcess(self.machine, spec, spec.id, pid, lambda word: self._root_said(root, word))
        self._switchboard = Switchboard(self._send, root.address(), self.now, f"outside-{pid}")
        self._send(root.address(), Hello())

    def _root_said(self, root: SimulatedProcess, word: tuple[Any, ...]) -> None:
        if root is not self._root or self._ended is not None:
            return
        if word[0] == "started":
            self._up_at, self._was_up = self.now(), True
            return
        reason: ExitReason = word[-1]
        up_since, self._up_at = self._up_at, None
        had_last_word = reason != SIGKILLED
        never_give_up = self._on_give_up == "restart"
        said = "ended" if up_since is not None else "start_failed"
        is_final = had_last_word and policy.is_final(said, was_up=self._was_up, never_give_up=never_give_up)
        if self._is_stopping or is_final:
            if not self._was_up:
                self._failure = start_failure(reason)
            self._finish(reason)
            return
        verdict = policy.revive(self._revivals, up_since=up_since, now=self.now(), never_give_up=never_give_up)
        self._revivals = verdict.revivals
        if verdict.delay_s is None:
            self._finish(ExitReason("shutdown", "guardian_limit: the root was killed too often"))
            return
        self.heals += 1
        self._switchboard.close(SupervisorError("restarting", "the system is being restarted"))
        self.machine.at(self.now() + verdict.delay_s, self._launch)

    def _finish(self, reason: ExitReason) -> None:
        self._up_at = None
        if self._ended is None:
            self._ended = reason
            self._switchboard.close(SupervisorError("stopped", "the system has ended"))

    # ---- calls

    def arrive(self, message: Any, _sender: Address) -> None:
        """A message of the tree to the outside."""
        self._switchboard.on_message(message)

    def _send(self, address: Any, message: Any) -> None:
        self.machine.send(self._address, address, message)

    def _call(self, verb: str, target: str, args: dict[str, Any], timeout_s: float = CALL_TIMEOUT_S) -> Any:
        if self._ended is not None:
            raise SupervisorError("stopped", f"the tree has ended: {self._ended}")
        if self._up_at is None:
            raise SupervisorError("restarting", "the system is being restarted")
        try:
            args = pickle.loads(pickle.dumps(args))  # noqa: S301 - pickled in the same line
        except Exception as error:
            raise SupervisorError("not_picklable", f"the message does not pickle: {error}") from error
        self._calls += 1
        call = _Call(self._calls, verb, target, args, timeout_s)
        self._switchboard.request(call)
        self.machine.at(self.now() + timeout_s, self._switchboard.expire)
        self.machine.run_until(lambda: call.answers, self.now() + timeout_s + ANSWER_GRACE_S)
        if not call.answers:
            raise SupervisorError("timeout", f"no answer to {verb} {target!r} within {timeout_s:g} s")
        value, failure = call.answers[0]
        if failure is not None:
            raise failure
        return opened(value)

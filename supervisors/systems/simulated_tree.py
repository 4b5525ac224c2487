"""``SimulatedTree``: a tree on a simulated machine, held as an ``ActorTree`` is, so that one test runs on both.

Each verb lets virtual time run on until its answer is there. Its guardian decides as the real one does
(``simulated_guardian``); the switchboard is the one the real launcher uses.
"""

from __future__ import annotations

import pickle
from typing import Any

from supervisors import guardian_decisions as do
from supervisors.errors import ExitReason, SupervisorError
from supervisors.handle import CALL_TIMEOUT_S, START_TIMEOUT_S, TreeHandle, check_give_up, pickled, start_failure
from supervisors.messages import Hello
from supervisors.parcel import opened
from supervisors.specs import SupervisorSpec
from supervisors.switchboard import Switchboard
from supervisors.systems.simulated import Address, Faults, Simulation
from supervisors.systems.simulated_guardian import ROLES, SimulatedGuardian
from supervisors.systems.simulated_process import SIGKILLED, SimulatedProcess

STOP_TIMEOUT_S = 120.0
FOR_EVER_S = 365 * 86_400.0
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
        check_give_up(on_give_up)
        tree = object.__new__(cls)
        tree._begin(pickled(spec), Simulation(seed, faults), on_give_up)
        return tree

    def _begin(self, spec: bytes, machine: Simulation, on_give_up: str) -> None:
        self.machine = machine
        self.heals = 0
        self.alarm = ""
        self._address = machine.settle(self)
        self._calls = 0
        self._is_up = False
        self._ended: ExitReason | None = None
        self._failure: SupervisorError | None = None
        guard = do.Guard(on_give_up == "restart", STOP_TIMEOUT_S)
        self._guardian = SimulatedGuardian(
            machine, spec, guard, said=self._heard, launched=self._launched, post=self._send
        )
        self._guardian.take(do.Begun())
        machine.run_until(lambda: self._is_up or self._ended, machine.now() + START_TIMEOUT_S)
        if not self._is_up:
            failure = self._failure or SupervisorError("start_failed", f"the tree did not start: {self._ended}")
            self.stop(STOP_TIMEOUT_S)
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

    def kill_system(self, *roles: str) -> None:
        """Those of launcher, admin, logger and root are dead at once (default: all of them), which is the end of the
        whole system; its guardian brings the next one."""
        unknown = set(roles) - ROLES
        if unknown:
            raise SupervisorError("not_found", f"{sorted(unknown)} is none of {sorted(ROLES)}")
        self._guardian.kill(frozenset(roles) or ROLES)

    def freeze(self, process: str | int) -> None:
        """The process handles nothing until ``thaw``, as by SIGSTOP."""
        self._process(process).freeze()
        self._guardian.look()

    def thaw(self, process: str | int) -> None:
        self._process(process).thaw()

    def _processes(self) -> list[SimulatedProcess]:
        found: list[SimulatedProcess] = []
        rest = [self._guardian.root] if self._guardian.root is not None else []
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

    def stop(self, timeout_s: float | None = None) -> None:
        """No process of the tree lives when this returns: in good order, or killed when ``timeout_s`` virtual seconds
        did not suffice, or (None) a virtual year."""
        if self._ended is None:
            self._guardian.take(do.StopAsked())
            self.machine.run_until(lambda: self._ended, self.now() + (FOR_EVER_S if timeout_s is None else timeout_s))
        if self._ended is None:
            self._guardian.take(do.StopAsked())

    def wait_until_stopped(self, timeout_s: float) -> ExitReason:
        """Why the root ended by its own decision, or was stopped. SupervisorError ``timeout`` when it has not."""
        self.machine.run_until(lambda: self._ended, self.now() + timeout_s)
        if self._ended is None:
            raise SupervisorError("timeout", f"the tree still runs after {timeout_s:g} s")
        return self._ended

    # ---- the guardian

    def _launched(self, root: SimulatedProcess) -> None:
        self._switchboard = Switchboard(self._send, root.address(), self.now, f"outside-{root.pid}")
        self._send(root.address(), Hello())

    def _heard(self, kind: str, detail: Any) -> None:
        match kind:
            case "up":
                self._is_up = True
            case "down":
                self.heals += 1
                self._goes_down(SupervisorError("restarting", "the system is being restarted"))
            case "alarm" | "calm":
                self.alarm = detail
            case _:
                if kind != "ended":
                    self._failure = start_failure(detail)
                self._ended = detail
                self._goes_down(SupervisorError("stopped", "the system has ended"))

    def _goes_down(self, error: SupervisorError) -> None:
        self._is_up = False
        self._switchboard.close(error)

    # ---- calls

    def arrive(self, message: Any, _sender: Address) -> None:
        """A message of the tree to the outside."""
        self._switchboard.on_message(message)

    def _send(self, address: Any, message: Any) -> None:
        self.machine.send(self._address, address, message)

    def _call(self, verb: str, target: str, args: dict[str, Any], timeout_s: float = CALL_TIMEOUT_S) -> Any:
        if self._ended is not None:
            raise SupervisorError("stopped", f"the tree has ended: {self._ended}")
        if not self._is_up:
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

"""Between callers and tree: what is kept of a call does not outlast its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from supervisors import SupervisorError
from supervisors.messages import Answer
from supervisors.switchboard import TIMERS_KEPT, Switchboard

DAY_S = 86_400.0


@dataclass
class Call:
    id: str
    verb: str = "which_children"
    target: str = "root"
    args: dict[str, Any] = field(default_factory=dict)
    timeout_s: float = DAY_S
    answers: list[Any] = field(default_factory=list)

    def answer(self, value: Any = None, error: SupervisorError | None = None) -> None:
        self.answers.append(error.code if error else value)


def test_a_call_that_was_answered_leaves_no_timer_and_who_waits_keeps_his() -> None:
    clock = [0.0]
    board = Switchboard(lambda _address, _message: None, "root", lambda: clock[0], "me")
    slow, lost = Call("slow"), Call("lost", verb="ask", target="nobody")
    board.request(slow)
    board.request(lost)
    for number in range(10 * TIMERS_KEPT):
        call = Call(f"{number}")
        board.request(call)
        board.on_message(Answer(call.id, number))
        assert call.answers == [number]
    assert len(board._timers) <= 2 * TIMERS_KEPT
    clock[0] = DAY_S + 1
    board.expire()
    assert (slow.answers, lost.answers) == (["timeout"], ["timeout"])

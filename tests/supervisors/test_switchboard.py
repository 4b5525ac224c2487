"""Between callers and tree: what is kept of a call does not outlast its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from supervisors import SupervisorError
from supervisors.errors import ExitReason
from supervisors.messages import Answer, Deliver
from supervisors.switchboard import TIMERS_KEPT, Switchboard
from supervisors.whereabouts import Located

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


def test_what_one_name_tells_of_an_end_holds_for_the_other_name_of_the_same_actor() -> None:
    """The news of one end come by each name that was asked for, one after the other."""
    posted: list[Any] = []
    board = Switchboard(lambda _address, message: posted.append(message), "root", lambda: 0.0, "me")
    for name in ("root/sub/x", "x"):
        board.on_message(Located(name, "root/sub/x", "old", "there"))
    first, again = Call("first", "ask", "x"), Call("again", "ask", "x")
    board.request(first)
    board.on_message(Located("root/sub/x", "root/sub/x", None, None, ExitReason("killed", "SIGKILL")))
    board.request(again)
    assert (first.answers, again.answers) == (["actor_failed"], []), "the dead one is not asked"
    assert [each.request for each in posted if isinstance(each, Deliver)] == ["first"]
    board.on_message(Located("x", "root/sub/x", None, None, ExitReason("killed", "SIGKILL")))
    assert again.answers == ["restarting"]

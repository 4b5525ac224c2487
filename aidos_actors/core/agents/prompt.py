"""What a coding agent is told: the task, and of a further attempt why the one before came to nothing. Pure."""

from __future__ import annotations

from aidos_actors.core.orders import Start

ERROR_CHARS_MAX = 4000


def prompt_of(order: Start, *, is_resumed: bool) -> str:
    """What the task asks for; and of an attempt that follows another, why, and how it finds its folder."""
    asked = order.task.prompt or order.task.title or order.key.task
    turn = order.agent
    if turn is None or turn.error is None or order.key.number == 1:
        return asked
    where = "This folder is as it was in the beginning: nothing of that is left."
    if turn.goes_on is not None:
        whose = "was done" if turn.is_same else "another agent did"
        where = f"What {whose} until then lies in this folder: go on from there."
    again = "The task, once more:" if is_resumed else "The task:"
    why = turn.error[:ERROR_CHARS_MAX]
    return f"This is attempt {order.key.number}. The one before came to nothing: {why}\n{where}\n\n{again}\n\n{asked}"

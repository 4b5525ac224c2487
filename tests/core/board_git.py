"""GitOps around a board in tests: it does as it is told, and notices when it is told to do harm."""

from __future__ import annotations

from collections import deque

from board_doers import Truth

from aidos_actors.core.orders import (
    AttemptKey,
    Discard,
    GitOrder,
    Integrate,
    Integration,
    Prepare,
)
from aidos_actors.core.target_orders import Reversal, Revert


class GitOps:
    """Does one order after the other; an order that comes again gets the same answer again."""

    def __init__(self, truth: Truth, outbox: deque) -> None:
        self.truth, self.outbox = truth, outbox
        self.inbox: deque[GitOrder] = deque()
        self.answers: dict[AttemptKey, Integration] = {}

    def act(self, trouble: Integration | None) -> None:
        order = self.inbox.popleft()
        match order:
            case Prepare(key=key) if trouble is not None:
                self.outbox.append(("prepare_failed", (key, "disk full")))
            case Prepare(key=key):
                self.truth.folders.add(order.path)
                self.outbox.append(("prepared", (key, "head", order.repo)))
            case Integrate(key=key, is_wanted=False):
                answer = self.answers.setdefault(key, Integration(None, "withdrawn"))
                self.outbox.append(("integrated", (key, answer)))
            case Integrate(key=key):
                known = self.answers.get(key)
                assert known is None or known.verdict != "withdrawn", f"{key} is to be published after all"
                answer = self.answers.setdefault(key, trouble or Integration(f"commit-{key}", "integrated"))
                if answer.commit is not None:
                    owner = self.truth.commits.setdefault((key.requirement, key.task), key)
                    assert owner == key, f"two commits of one task: {owner} and {key}"
                self.outbox.append(("integrated", (key, answer)))
            case Revert(key=key) if trouble is not None:
                kept = self.truth.commits.get((key.requirement, key.task))
                known = Reversal(None, f"commit-{key}", "a conflict") if kept == key else Reversal(None)
                self.outbox.append(("reverted", (key, known)))
            case Revert(key=key):
                if self.truth.commits.get((key.requirement, key.task)) == key:
                    del self.truth.commits[key.requirement, key.task]
                self.outbox.append(("reverted", (key, Reversal(f"revert-{key}"))))
            case Discard() if any(pid in self.truth.minders for pid, _ in order.previous):
                self.inbox.append(order)
            case Discard(key=key):
                assert order.path not in self.truth.working.values(), (
                    f"{order.path} is removed while somebody works there"
                )
                self.truth.folders.discard(order.path)
                self.truth.removed.add(order.path)
                self.outbox.append(("discarded", (key,)))

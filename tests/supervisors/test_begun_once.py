"""A message whose handling ends its process is not repeated, though no word of its beginning reaches the sender."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from supervisors import ActorTree, ChildSpec, ManagedActor
from supervisors.testing import Faults, SimulatedTree, eventually
from tests.supervisors.busy_tree import puppet, root

ROUNDS = 6


def starts(book: Path) -> int:
    return book.read_text().splitlines().count("start b")


class Occupied(ManagedActor):
    """Tells ``b`` to die, and sees nothing that comes until the successor of ``b`` has started: the end of the one
    and the start of the other are then told beside the word that the message was begun."""

    def on_start(self, book: str) -> None:
        self._book = Path(book)

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case "strike":
                self._asked, self._before = self.asked(), starts(self._book)
                self.send("b", ("kill",))
                self.after(0.0, "be occupied")
            case "be occupied":
                eventually(lambda: starts(self._book) > self._before)
                self.reply(None, to=self._asked)
            case _:
                self.reply(self.send("b", message))


def test_what_kills_its_process_is_begun_once(tmp_path: Path) -> None:
    book = tmp_path / "book"
    occupied = ChildSpec(id="a", actor=Occupied, args={"book": str(book)})
    tree = ActorTree.start(root(puppet("b", args={"book": str(book)}), occupied), state_dir=tmp_path / "state")
    with tree:
        for number in range(ROUNDS):
            tree.ask("a", number)
            eventually(lambda number=number: number in tree.ask("b", "kept"))
            assert starts(book) == 1 + number, "what comes before the number has been begun, if it came again"
            tree.ask("a", "strike", timeout_s=30.0)


def test_what_kills_its_process_is_begun_once_though_its_last_words_are_lost() -> None:
    with SimulatedTree.start(root(puppet("a"), puppet("b")), faults=Faults(lose=0.5)) as tree:
        for number in range(20):
            if number % 2:
                tree.tell("b", ("kill",))
            else:
                tree.ask("a", ("send", "b", ("kill",)))
            while tree.which_children("root")[1].restarts <= number:
                tree.sleep(1.0)
            tree.sleep(60.0)
            assert tree.which_children("root")[1].restarts == 1 + number

"""What an actor logs with the standard library stands in the log of the system."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from supervisors import ActorTree, ChildSpec, ManagedActor, SupervisorSpec


class Logging(ManagedActor):
    def receive(self, message: Any, sender: str | None) -> None:
        log = logging.getLogger("some.library")
        log.info("%s: not worth a line", message)
        log.warning("%s: %s", self.path, message)
        try:
            raise ValueError(message)
        except ValueError:
            log.exception("it failed")
        self.reply(None)


def test_what_actors_log_stands_in_one_file(tmp_path: Path) -> None:
    spec = SupervisorSpec(id="root", children=tuple(ChildSpec(id=name, actor=Logging) for name in "ab"))
    with ActorTree.start(spec, state_dir=tmp_path) as tree:
        assert not (tmp_path / "log" / "actors.log").read_text()
        for name in "ab":
            tree.ask(name, "ünusual")
    lines = (tmp_path / "log" / "actors.log").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("root/")] == ["root/a: ünusual", "root/b: ünusual"]
    assert lines.count("ValueError: ünusual") == lines.count("it failed") == 2
    assert not any("not worth" in line for line in lines)

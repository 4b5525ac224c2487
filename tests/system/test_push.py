"""A remote that is away holds up nothing but its own push, and gets everything when it comes back."""

from __future__ import annotations

import signal
import subprocess

from tests.system.conftest import Place, eventually
from tests.system.test_degraded import gitops


def test_work_goes_on_while_the_remote_is_away_and_is_there_once_it_is_back(place: Place) -> None:
    bare = place.folder / "remote.git"
    place.git("init", "-q", "--bare", str(bare))
    place.git("remote", "add", "origin", str(bare))
    (place.folder / "aidos.toml").write_text('[projects."shop"]\npush_remote = "origin"\n')
    away = bare.rename(bare.with_suffix(".away"))
    serve = place.begin("serve", "--workers", "2")
    place.aidos("submit", str(place.requirement({name: {"run": f"echo > {name}"} for name in "ab"})))
    eventually(lambda: place.data("status", "work")["state"] == "done")
    eventually(lambda: f"push {place.repo}" in (gitops(place)["degraded"] or ""))
    place.kill(gitops(place)["pid"])  # nothing of it is kept by the process that waits
    away.rename(bare)

    def remote_head() -> str:
        asked = ["git", "rev-parse", "--verify", "--quiet", "aidos/work"]
        return subprocess.run(asked, cwd=bare, capture_output=True, text=True).stdout.strip()

    head = place.git("rev-parse", "aidos/work")
    eventually(lambda: remote_head() == head, 90)
    eventually(lambda: gitops(place)["degraded"] is None)
    place.assert_laws("work", {"a", "b"})
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0
    place.assert_clean()

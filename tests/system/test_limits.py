"""Limits of a project and of an executor, held by real workers, and told by ``explain``."""

from __future__ import annotations

from tests.system.conftest import Place, eventually
from tests.system.test_steering import codes


def overlaps(place: Place) -> int:
    """The most tasks that were under way at once, by the journal."""
    most = now = 0
    for event in place.journal():
        now += {"attempt_leased": 1, "attempt_ended": -1}.get(event["type"], 0)
        most = max(most, now)
    return most


def test_requirements_on_one_repository_keep_the_limit_of_their_project(place: Place) -> None:
    (place.folder / "aidos.toml").write_text('[projects."./shop"]\nworkers = 1\nverify = "test -e a.txt"\n')
    waits = {"run": f"while ! test -e {place.folder}/go; do sleep 0.05; done; echo x > $AIDOS_REQUIREMENT-$AIDOS_TASK"}
    files = [place.requirement({"a": waits, "b": waits}, name) for name in ("one", "two")]
    for file in files:
        place.data("submit", str(file))
    place.begin("serve", "--workers", "3")
    started = eventually(lambda: place.event("attempt_started"))
    other = "two/a" if started["requirement"] == "one" else "one/a"
    eventually(lambda: place.data("explain", other)["live"] and codes(place, other) == ["project"])
    (place.folder / "go").touch()
    for name in ("one", "two"):
        eventually(lambda name=name: place.data("status", name)["state"] == "done")
        place.assert_laws(name, {"a", "b"})
    assert overlaps(place) == 1
    turns = [event["requirement"] for event in place.journal() if event["type"] == "attempt_leased"]
    assert turns == ["one", "two", "one", "two"], "requirements of one priority take turns"

"""A relaunch nobody asked for refuses a ledger of another schema, with the code that keeps a service manager off."""

from __future__ import annotations

import signal
import sqlite3

from tests.system.conftest import Place, eventually


def test_a_relaunch_on_another_schema_refuses(place: Place) -> None:
    serve = place.begin("serve")
    eventually(place.is_up)
    launcher = place.pids()["launcher"]
    with sqlite3.connect(place.state / "ledger.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.close()
    place.kill(launcher)
    assert serve.wait(60) == 78, place.said()
    assert "schema 0000" in place.said() and "relaunch" in place.said()
    eventually(lambda: not place.marked(), 10.0)


def test_a_hang_up_makes_the_tree_anew(place: Place) -> None:
    config = place.folder / "aidos.toml"
    config.write_text("[runtime]\nworkers = 1\n")
    serve = place.begin("serve")
    eventually(place.is_up)
    config.write_text("[runtime]\nworkers = 'many'\n")
    serve.send_signal(signal.SIGHUP)
    eventually(lambda: "reload_failed" in place.said())
    assert "root/workers/worker-2" not in place.pids()
    config.write_text("[runtime]\nworkers = 2\n")
    serve.send_signal(signal.SIGHUP)
    eventually(lambda: "configuration has changed" in place.said())
    eventually(lambda: place.is_up() and "root/workers/worker-2" in place.pids())
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0
    place.assert_clean()

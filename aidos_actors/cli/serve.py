"""The verb ``serve``: this process becomes the guardian; its service manager brings it back."""

from __future__ import annotations

import fcntl
import os
import pickle
from pathlib import Path
from typing import Any

from aidos_actors.cli.answer import Options, give_error, say
from aidos_actors.cli.reach import owner_of
from aidos_actors.core.errors import Conflict
from aidos_actors.machine_errors import refuse_low_limits, start_error
from aidos_actors.runtime import PACKAGES, TITLE, admission, farewell, tree_of
from aidos_actors.settings import read_config
from aidos_actors.state_dir import prepare_state_dir
from supervisors import boot, guardian
from supervisors.charge import Charge
from supervisors.forked import is_alone
from supervisors.handle import start_failure
from supervisors.premises import LOCK_NAME


def serve_until_stopped(options: Options, standby: bool, workers: int | None, drain_s: float | None) -> int:
    """Does not return: the guardian takes this process over. ``Conflict`` when another owns the state directory."""
    refuse_low_limits(read_config(options.config).with_runtime(workers=workers).runtime.workers)
    state = prepare_state_dir(options.state)
    if standby:
        _wait_until_free(state)
    owner = owner_of(state)
    if owner is not None:
        raise _owned(state, owner)
    told = (options.config, str(state), workers, drain_s)
    spec, before_stop = charged(*told)
    charge = Charge(
        spec=spec,
        main={},
        packages=PACKAGES,
        state_dir=str(state),
        title=TITLE,
        host_pid=None,
        host_started=None,
        channel_fd=None,
        status_fd=None,
        on_give_up="restart",
        before_stop=before_stop,
        reload=(__name__, "charged", told),
        admission=admission(state),
        last_word=(__name__, "told_why_not_up", (str(state), options.as_json, options.debug)),
        may_fork=is_alone(),
    )
    if charge.may_fork:
        guardian.main(pickle.dumps(charge))
    argv, fd = boot.command("supervisors.guardian", pickle.dumps(charge), PACKAGES)
    os.set_inheritable(fd, True)
    os.execv(argv[0], argv)


def charged(
    config: str | None, state: str, workers: int | None, drain_s: float | None
) -> tuple[bytes, tuple[str, Any, float]]:
    """What the configuration says now: the tree, and what is asked of it before a stop. Called again on SIGHUP."""
    read = read_config(config).with_runtime(workers=workers, drain_s=drain_s)
    return pickle.dumps(tree_of(Path(state), read)), farewell(read.runtime.drain_s)


def told_why_not_up(kind: str, reason: Any, state: str, as_json: bool, debug: bool) -> int:
    """Why there is no system is said as by every verb; the exit code."""
    is_owned = kind == "conflict"
    error = _owned(Path(state), str(reason)) if is_owned else start_error(reason.detail) or start_failure(reason)
    return give_error(error, Options(state, None, as_json, debug))


def _owned(state: Path, owner: str) -> Conflict:
    return Conflict(f"{state} is owned by {owner}", hint="stop it, or use `serve --standby`, or another --state")


def _wait_until_free(state: Path) -> None:
    """Returns when nobody holds the lock; says once that it waits."""
    owner = owner_of(state)
    if owner is None:
        return
    say(f"standing by: {state} is owned by {owner}")
    fd = os.open(state / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)

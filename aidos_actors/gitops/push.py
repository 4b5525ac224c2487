"""Targets brought to a remote: each head once, never over anybody's work, and for as long as the remote is away, later.

What is to be pushed is known to the repository itself: before a target first moves, a ref under ``refs/aidos/push``
names it (a blob with its name); what was pushed stands under ``refs/aidos/pushed``. So nothing of it is lost with a
process or a requirement that has ended. Before each push the remote is asked what it has: what arrived before the
pusher died is not pushed again, and a branch that holds commits the target does not have is left alone.
"""

from __future__ import annotations

import hashlib
import os

from msgspec import Struct

from aidos_actors import crash
from aidos_actors.core.errors import AidosError
from aidos_actors.gitops.git import Git
from aidos_actors.gitops.repair import transact

PUSH_TIMEOUT_S = 300.0
INTENTS = "refs/aidos/push"
# How a user says by which program a remote is reached; everything else of GIT_* could redirect the call.
KEPT_FOR_REMOTES = ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_PROXY_COMMAND")


class Remote(Struct, frozen=True):
    """Where targets go: the remote's name in git's configuration; ``branch`` None: one named as the target."""

    name: str
    branch: str | None = None


class Diverged(AidosError):
    """The remote branch holds commits that the target does not have; it is not overwritten."""

    code = "diverged"


def intent_line(git: Git, target: str) -> str:
    """The ref command after which it is known that ``target`` is to be pushed. It may be carried out twice."""
    blob = git.text("hash-object", "-w", "--stdin", data=target.encode(errors="surrogateescape"))
    return f"update {INTENTS}/{hashlib.sha256(target.encode(errors='surrogateescape')).hexdigest()[:16]} {blob}"


def push_all(git: Git, remote: Remote) -> int:
    """Every target that is to be pushed is on the remote as it stands; how many had to be.

    Raises ``Diverged`` (after the others were pushed), ``GitFailed`` when the remote cannot be reached."""
    pushed, refused = 0, list[Diverged]()
    for target in _targets(git):
        head = git.commit_of(f"refs/heads/{target}")
        record = f"refs/aidos/pushed/{remote.name}/{remote.branch or target}"
        if head is None or git.object_of(record) == head:
            continue
        try:
            pushed += _push(git, remote.name, remote.branch or target, target, head)
        except Diverged as diverged:
            refused.append(diverged)
            continue
        crash.before("push-recorded")
        transact(git, [f"update {record} {head}"], f"aidos: pushed to {remote.name}")
        crash.after("push-recorded")
    if refused:
        raise refused[0]
    return pushed


def _push(git: Git, remote: str, branch: str, target: str, head: str) -> bool:
    """Whether anything had to be pushed for ``branch`` of the remote to stand at ``head``."""
    ref = f"refs/heads/{branch}"
    env = {name: os.environ[name] for name in KEPT_FOR_REMOTES if name in os.environ}
    listed = git.reach("ls-remote", "--", remote, ref, env=env, timeout_s=PUSH_TIMEOUT_S).stdout.decode()
    theirs = next((line.split("\t")[0] for line in listed.splitlines() if line.endswith(f"\t{ref}")), "")
    if theirs == head:
        return False
    if theirs and git.call("merge-base", "--is-ancestor", theirs, head, allowed=(0, 1, 128)).exit_code != 0:
        raise Diverged(
            f"{branch} on {remote} stands at {theirs[:12]}, which {target} of {git.repo} does not contain",
            hint="Bring it into the target, or remove or rename the branch there; it is tried again by itself.",
        )
    where = git.call("remote", "get-url", "--push", "--", remote, allowed=(0, 2, 128)).stdout.decode().strip() or remote
    crash.before("remote-pushed")
    git.reach(  # by its address: what the user knows of the remote stays as it is, and no lock is left there
        *("-c", "push.gpgSign=false", "push", "--quiet", "--no-verify", "--no-follow-tags", "--recurse-submodules=no"),
        *(f"--force-with-lease={ref}:{theirs}", "--", where, f"{head}:{ref}"),
        env=env,
        timeout_s=PUSH_TIMEOUT_S,
    )
    crash.after("remote-pushed")
    return True


def _targets(git: Git) -> list[str]:
    intents = git.text("for-each-ref", "--format=%(objectname)", INTENTS).split()
    return [os.fsdecode(git.call("cat-file", "blob", blob).stdout) for blob in intents]

"""The scheduler's epoch as git sees it: a ref that names a small blob, verified by each publishing transaction."""

from __future__ import annotations

from msgspec import Struct

from aidos_actors import crash
from aidos_actors.core.errors import Fenced, TryAgain
from aidos_actors.gitops.git import Git, GitFailed, Run, run_here
from aidos_actors.gitops.repair import transact

CLAIM_TRIES_MAX = 10


class EpochToken(Struct, frozen=True):
    """Proof of an epoch: while ``ref`` still names ``oid``, its holder may publish."""

    ref: str
    oid: str

    @property
    def installation(self) -> str:
        """Whose epoch it is."""
        return self.ref.rpartition("/")[2]


def claim_epoch(repo: str, installation: str, epoch: int, run: Run = run_here) -> EpochToken:
    """From now on whoever holds a lower epoch of ``installation`` publishes nothing in ``repo``; durable on return.

    Raises ``Fenced`` when a higher epoch has been claimed, ``TryAgain`` when others keep claiming at the same time.
    """
    git = Git(repo, run)
    ref = f"refs/aidos/epoch/{installation}"
    new = git.text("hash-object", "-w", "--stdin", data=b"%d" % epoch)
    for _ in range(CLAIM_TRIES_MAX):
        old = git.object_of(ref)
        if old == new:
            git.sync_ref(ref)
            return EpochToken(ref, new)
        if old is not None and (held := _number(git, old)) > epoch:
            raise Fenced(
                f"epoch {epoch} of {installation} is over: epoch {held} has claimed {git.repo}",
                hint="A newer scheduler is at work; this one must end.",
            )
        try:
            crash.before("epoch-claimed")
            transact(git, [f"update {ref} {new} {old}" if old else f"create {ref} {new}"], f"aidos: epoch {epoch}")
            crash.after("epoch-claimed")
        except GitFailed:
            if git.object_of(ref) == old:
                raise
    raise TryAgain(f"the epoch of {installation} in {git.repo} could not be claimed in {CLAIM_TRIES_MAX} tries")


def _number(git: Git, oid: str) -> int:
    """The epoch a blob holds; one that cannot be read counts as 0, since the ledger's own epoch is the truth."""
    done = git.call("cat-file", "blob", oid, allowed=(0, 1, 128))
    text = done.stdout.strip()
    return int(text) if done.exit_code == 0 and text.isdigit() else 0

"""What every call of git is given, and what of its surroundings it must not see."""

from __future__ import annotations

import os

LOCK_WAIT_MS = 2500  # git itself waits so long for a ref's lock; after that a lock is old enough to be judged stale

# The user's hooks, signing, gc, file watcher and sparse checkout play no part. What is written is synced, with fsync
# itself: the batch method of git is not promised to be safe on Linux. Settings that would change the meaning of what
# is parsed here (trailers, encodings), make a whole tree unstorable (safecrlf), or hide a file whose name differs from
# another's in case alone (ignoreCase, which travels with a repository that was copied here) are pinned.
SETTINGS = (
    "core.hooksPath=/dev/null",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgsign=false",
    "tag.gpgsign=false",
    "core.fsync=committed,reference",
    "core.fsyncMethod=fsync",
    f"core.filesRefLockTimeout={LOCK_WAIT_MS}",
    f"core.packedRefsTimeout={LOCK_WAIT_MS}",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.splitIndex=false",
    "core.sparseCheckout=false",
    "core.safecrlf=false",
    "core.ignoreCase=false",
    "core.trustctime=true",
    "core.checkStat=default",
    "add.ignoreErrors=false",
    "submodule.recurse=false",
    "worktree.useRelativePaths=false",
    "trailer.separators=:",
    "i18n.commitEncoding=UTF-8",
    "i18n.logOutputEncoding=UTF-8",
)
# Of the inherited GIT_* only what says where configuration and git itself are; the rest could redirect a call.
KEPT_VARIABLES = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT", "GIT_EXEC_PATH")
KEPT_PREFIXES = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")
FIXED_VARIABLES = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}


def environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name in KEPT_VARIABLES or name.startswith(KEPT_PREFIXES)
    }
    return {**kept, **FIXED_VARIABLES}

"""Everything the GitOps actor's jobs do with git: worktrees, the linear target, and what a killed git leaves behind.

Every function may be ended at any point and called again with the same arguments; the result is as if it ran once.
Nothing is imported here: who needs one of them should not load them all.
"""

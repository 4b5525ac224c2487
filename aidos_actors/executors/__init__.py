"""Running commands so that nothing they start ever outlives them.

An owner (a process of ours) has one *nursery*; for each order the nursery forks a *minder*, and the minder runs the
command. Each of the three ends everything below itself before it ends, and watches the others. Nothing is imported
here: a nursery must stay small.
"""

"""The coding agents' programs as stand-ins: each takes the arguments that the real one takes and no others, keeps
sessions where and as it does, and prints what it prints.

They were written from what the programs' sources, documentation and users say; no text of theirs is in them.
"""

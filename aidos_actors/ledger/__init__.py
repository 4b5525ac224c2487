"""The ledger: the sole system of record, one SQLite file owned by one process.

Nothing is imported here on purpose: ``ledger.lock`` and ``ledger.errors`` serve processes that must stay small. The
front door is ``aidos_actors.ledger.ledger.Ledger``.
"""

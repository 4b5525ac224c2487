"""The history of the schema, run by ``ledger/migrate.py`` and by nothing else."""

"""One file a step, never edited once released; ``ledger.revisions.REVISIONS`` lists them in order."""

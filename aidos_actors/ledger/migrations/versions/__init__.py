"""One file a step, never edited once released; ``schema.REVISIONS`` lists them in order."""

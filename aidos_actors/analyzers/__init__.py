"""From what a person wrote to a requirement: files, documents, and errors that say where and what next."""

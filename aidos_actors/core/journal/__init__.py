"""The journal, and the rows that it comes to."""

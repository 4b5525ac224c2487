"""The systems a tree can live in. ``thespian*.py`` are the only files that know Thespian."""

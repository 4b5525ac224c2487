"""A requirement in Markdown, by the command line: planned, refused, and carried to commits on its target."""

from __future__ import annotations

import json

from tests.system.conftest import Place

TEXT = """---
id: notes
repo: ./shop
---
# Two notes

## Tasks

- first: Write the first
  run: echo one > one.txt
- **second** Write the second
  ```yaml
  run: cat one.txt > two.txt
  needs: [first]
  ```
"""


def test_a_markdown_file_becomes_commits(place: Place) -> None:
    file = place.folder / "notes.md"
    file.write_text(TEXT)
    assert place.data("plan", str(file))["layers"] == [["first"], ["second"]]
    done = place.aidos("run", str(file))
    assert done.returncode == 0, done.stderr
    assert place.git("show", "aidos/notes:two.txt") == "one"
    subjects = place.git("log", "--format=%s", "main..aidos/notes").splitlines()
    assert subjects == ["Write the second", "Write the first"]
    assert place.data("submit", str(file))["state"] == "done"
    place.assert_clean()
    place.assert_laws("notes", {"first", "second"})


def test_a_bad_list_and_words_that_nobody_understands_are_refused(place: Place) -> None:
    file = place.folder / "notes.md"
    for text, line, said in (
        (TEXT.replace("needs: [first]", "needs: [frist]"), 14, "did you mean 'first'?"),
        (TEXT.split("## Tasks", maxsplit=1)[0] + "Write two notes.\n", None, "## Tasks"),
    ):
        file.write_text(text)
        for verb in ("plan", "submit", "run"):
            done = place.aidos(verb, str(file), "--json")
            error = json.loads(done.stdout)["error"]
            assert done.returncode == 3 and said in error["hint"], error
            assert line is None or error["message"].startswith(f"{file}:{line}:")
    assert not (place.state / "ledger.db").exists()

"""A look at a target: whether the gate lets its head pass, and if not, whose commit it was."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from aidos_actors.core.orders import AttemptKey
from aidos_actors.core.red_search import Ask, Search, next_look
from aidos_actors.core.target_orders import Sighting
from aidos_actors.gitops.line import Line, ask_gate
from aidos_actors.gitops.our_commits import OUR_TRAILERS, number_of
from aidos_actors.gitops.outcomes import GateResult

COMMITS_MAX = 1000  # so far back a culprit is looked for


class _Head(Struct, frozen=True):
    """A commit of the target's line."""

    commit: str
    tree: str
    by: str
    key: AttemptKey | None


def look_at(line: Line, key: AttemptKey, target_base: str) -> Sighting | None:
    """What the target looks like; None while nothing was published on it.

    What this very requirement published last has passed its gate already, and what was seen green stays so until the
    head moves: then nothing is run. Red: the first commit is looked for with which the gate refuses it, and the gate
    must let the one before it pass now; if it lets none pass, the gate itself may be ill, and nobody is named.
    """
    head = line.git.commit_of(f"refs/heads/{line.target}")
    if head is None or head == target_base:
        return None
    before = line.greens.sighted
    is_doubted = line.greens.red_since_s is not None
    if before is None or before.head != head or is_doubted:
        line.greens.sighted = _look(line, key, target_base, head, before)
    return line.greens.sighted


def _look(line: Line, key: AttemptKey, target_base: str, head: str, before: Sighting | None) -> Sighting | None:
    greens = line.greens
    heads = _heads(line, head, target_base)
    if not heads:
        return None
    newest = heads[-1]
    is_passed = newest.key is not None and newest.key.requirement == key.requirement
    if greens.red(newest.tree) is None and (is_passed or greens.has(newest.tree)):
        greens.turned_green()
        return Sighting(head, is_red=False)
    if before is not None and before.is_red and before.head == head and greens.red(newest.tree) is not None:
        is_ours = before.commit not in greens.not_ours_to_mend
        return replace(before, culprit=before.culprit if is_ours else None)
    result = greens.red(newest.tree) or ask_gate(line, key, head, newest.tree)
    if result.exit_code == 0:
        greens.turned_green()
        return Sighting(head, is_red=False)
    greens.turned_red()
    return _who(line, key, target_base, heads, result)


def _who(line: Line, key: AttemptKey, target_base: str, heads: list[_Head], result: GateResult) -> Sighting:
    newest = len(heads) - 1
    hint = next((at for at in reversed(range(newest)) if line.greens.has(heads[at].tree)), None)
    search = Search(newest, hint=hint)
    while isinstance(move := next_look(search), Ask):
        at = move.index
        commit, tree = (heads[at].commit, heads[at].tree) if at >= 0 else (target_base, line.git.tree_of(target_base))
        said = ask_gate(line, key, commit, tree)
        search = search.judged(at, is_green=said.exit_code == 0)
        if said.exit_code != 0:
            result = said
    if move.index is None:
        return Sighting(heads[-1].commit, is_red=True, error=result.output_tail)
    found = heads[move.index]
    culprit = found.key if found.commit not in line.greens.not_ours_to_mend else None
    return Sighting(heads[-1].commit, True, found.commit, culprit, found.by, result.output_tail)


def _heads(line: Line, head: str, target_base: str) -> list[_Head]:
    """The line after ``target_base``, oldest first; of a long one its newer part."""
    values = "%x00".join(f"%(trailers:key=Aidos-{name},valueonly,separator=%x2C)" for name in OUR_TRAILERS)
    said = line.git.call(
        *("log", "--first-parent", f"--max-count={COMMITS_MAX}", f"--format=%H%x00%T%x00%an <%ae>%x00{values}"),
        *(head, f"^{target_base}", "--"),
    ).stdout.decode(errors="replace")
    found = []
    for row in reversed(said.splitlines()):
        commit, tree, by, requirement, task, number = row.split("\0")
        key = AttemptKey(requirement, task, number_of(number)) if requirement and task else None
        found.append(_Head(commit, tree, by, key))
    return found

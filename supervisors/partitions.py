"""Many equal children and a rule which of them a key belongs to: one supervisor with numbered partitions.

``partitioned`` describes it, ``partition_of`` routes by the partitions there are, ``resize`` starts and stops them
while their descriptions stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from supervisors.errors import SupervisorError
from supervisors.handle import TreeHandle
from supervisors.messages import ChildInfo
from supervisors.specs import ChildSpec, Spec, SupervisorSpec


def partitioned(
    id: str,  # noqa: A002 - the word of the public surface
    template: Spec,
    partitions: int,
    args_of: Callable[[int], Mapping[str, Any]] | None = None,
    **more: Any,
) -> SupervisorSpec:
    """A supervisor of ``partitions`` children made from ``template``, named after it with a number from 0, each with
    the arguments ``args_of(number)`` over the template's. SupervisorError ``bad_spec`` names what is wrong."""
    if not isinstance(partitions, int) or isinstance(partitions, bool) or partitions < 1:
        raise SupervisorError("bad_spec", f"{id}: partitions={partitions!r} must be a whole number from 1")
    if not isinstance(template, ChildSpec | SupervisorSpec):
        raise SupervisorError("bad_spec", f"{id}: template={template!r} must be a ChildSpec or a SupervisorSpec")
    if args_of is not None and not (callable(args_of) and isinstance(template, ChildSpec)):
        raise SupervisorError("bad_spec", f"{id}: args_of={args_of!r} must be callable, for a template that takes args")
    if more.get("auto_shutdown", "never") != "never":
        raise SupervisorError("bad_spec", f"{id}: auto_shutdown={more['auto_shutdown']!r} is not for partitions")
    children = [_partition(template, number, args_of) for number in range(partitions)]
    return SupervisorSpec(id=id, children=tuple(children), **more)


def _partition(template: Spec, number: int, args_of: Callable[[int], Mapping[str, Any]] | None) -> Spec:
    named = replace(template, id=f"{template.id}-{number}")
    if args_of is None or not isinstance(named, ChildSpec):
        return named
    return replace(named, args={**named.args, **args_of(number)})


def partition_of(key: Any, children: Sequence[ChildInfo]) -> ChildInfo:
    """The one of ``children``, as ``which_children`` lists them, that ``key`` belongs to. A whole number counts around
    those that are not stopped, anything else goes by a hash of its ``repr``, which should be the same in every process.
    Only ``resize`` and a stop by hand change where a key belongs: one on its way back keeps its keys (``ask`` answers
    ``restarting``, what is told waits for it). SupervisorError ``not_found`` when all are stopped."""
    open_ones = [child for child in children if child.state != "stopped"]
    if not open_ones:
        raise SupervisorError("not_found", f"no partition runs that could take {key!r}")
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    number = key if isinstance(key, int) else int.from_bytes(digest, "big")
    return open_ones[number % len(open_ones)]


def resize(tree: TreeHandle, supervisor: str, partitions: int) -> None:
    """Exactly the first ``partitions`` of the supervisor's children run, or are on their way back. SupervisorError
    ``bad_spec`` when it has not that many; what starting and stopping raise."""
    children = tree.which_children(supervisor)
    if not isinstance(partitions, int) or isinstance(partitions, bool) or not 0 <= partitions <= len(children):
        raise SupervisorError("bad_spec", f"partitions={partitions!r} must be from 0 to {len(children)}")
    for child in reversed(children[partitions:]):
        if child.state != "stopped":
            tree.terminate_child(supervisor, child.id)
    for child in children[:partitions]:
        if child.state == "stopped":
            tree.restart_child(supervisor, child.id)

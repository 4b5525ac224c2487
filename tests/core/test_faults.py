"""Which error calls for what: the table as promised, and what follows for types it does not list."""

from __future__ import annotations

import pytest

from aidos_actors.core.errors import Conflict, Fenced, IllegalTransition, NotFound, TryAgain, Unfit
from aidos_actors.faults import TREATMENTS
from aidos_actors.gitops.git import GitFailed
from supervisors.grades import Grade, Policy


@pytest.mark.parametrize(
    ("error", "policy", "is_transient"),
    [
        (TryAgain("others moved it"), Policy.RETRY, True),
        (GitFailed(["gc"], 128, "no space"), Policy.RETRY, True),
        (OSError("no space"), Policy.RETRY, True),
        (Conflict("checked out"), Policy.RETRY, False),
        (NotFound("no repository"), Policy.RETRY, False),
        (ValueError("our own mistake"), Policy.RETRY, False),
        (PermissionError("read only"), Policy.DEGRADE, False),
        (Unfit("a network file system"), Policy.DEGRADE, False),
        (IllegalTransition("no such row"), Policy.CRASH, False),
        (MemoryError(), Policy.CRASH, True),
        (Fenced("an older epoch"), Policy.GIVE_UP, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_each_type_of_error_has_its_treatment(error: BaseException, policy: Policy, is_transient: bool) -> None:
    treatment = TREATMENTS.of(error)
    assert (treatment.policy, treatment.is_transient) == (policy, is_transient)


def test_only_what_others_decided_is_given_up_so_no_fault_of_the_machine_ever_is() -> None:
    given_up = {kind for kind, row in TREATMENTS.rows.items() if row.policy is Policy.GIVE_UP}
    assert given_up == {Fenced}


def test_what_ends_a_process_at_once_is_grave() -> None:
    assert all(row.grade is Grade.P0 for row in TREATMENTS.rows.values() if row.policy is Policy.CRASH)

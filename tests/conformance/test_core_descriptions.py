"""Descriptions without any system: their defaults, and each that makes no sense is refused with the field and its
value."""

from __future__ import annotations

from typing import Any

import pytest

from supervisors import ChildSpec, ErrorBudget, Restart, Shutdown, SupervisorError, SupervisorSpec
from supervisors.partitions import partition_of, partitioned
from tests.supervisors.family_driver import Nothing, child, tree


def refused(what: Any, *args: Any, **named: Any) -> str:
    with pytest.raises(SupervisorError) as error:
        what(*args, **named)
    assert error.value.code == "bad_spec"
    return error.value.message


@pytest.mark.parametrize("name", [None, 5, "", "a/b", "x" * 201, "a\nb", b"a"])
def test_START_18_SPEC_03_an_id_of_a_wrong_kind(name: Any) -> None:
    for kind in (SupervisorSpec, ChildSpec):
        more = {"actor": Nothing} if kind is ChildSpec else {}
        assert repr(name) in refused(kind, id=name, **more)


def test_SPEC_01_defaults() -> None:
    plain = ChildSpec(id="a", actor=Nothing)
    assert (plain.restart, plain.shutdown, plain.significant, plain.args) == (Restart.PERMANENT, 5.0, False, {})
    inner = SupervisorSpec(id="s")
    assert inner.shutdown is Shutdown.INFINITY and inner.is_supervisor and not plain.is_supervisor
    assert ChildSpec(id="k", actor=Nothing, shutdown="kill").shutdown is Shutdown.KILL


def test_SPEC_03_what_is_missing_or_unknown_is_named() -> None:
    """Python's own TypeError names it; an unknown key is refused too, since it is most often a slip of the pen."""
    whole = {"id": "a", "actor": Nothing}
    for fields, name in (({"actor": Nothing}, "id"), ({"id": "a"}, "actor"), ({**whole, "x": 1}, "x")):
        with pytest.raises(TypeError, match=name):
            ChildSpec(**fields)  # type: ignore[arg-type]
    assert "children" in refused(SupervisorSpec, id="s", children=[{"id": "a"}])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("actor", "not a class"),
        ("actor", int),
        ("backoff", None),
        ("backoff", 0.5),
        ("restart", "sometimes"),
        ("shutdown", -1),
        ("shutdown", "soon"),
        ("shutdown", None),
        ("shutdown", float("nan")),
        pytest.param("start_timeout_s", 10**400, id="start_timeout_s-vast"),
        ("args", [1]),
        ("args", {1: 2}),
        ("heartbeat_s", 0),
        ("start_timeout_s", float("inf")),
        ("significant", 1),
    ],
)
def test_SPEC_04_SPEC_05_a_bad_field_is_named_with_its_value(field: str, value: Any) -> None:
    message = refused(ChildSpec, **{"id": "a", "actor": Nothing, "restart": "transient", field: value})
    assert f"{field}={value!r}" in message and "a" in message


def test_SPEC_08_two_children_of_one_id() -> None:
    assert "'twice'" in refused(tree, child("twice"), child("twice"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("strategy", "one_for_none"),
        ("max_restarts", "three"),
        ("max_restarts", -1),
        ("max_restarts", 1.5),
        ("max_restarts", True),
        ("backoff", None),
        ("start_timeout_s", -1),
        ("preload", "json"),
        ("preload", (1,)),
        ("within_s", 0),
        ("within_s", float("inf")),
        ("auto_shutdown", "sometimes"),
        ("max_children", 3),
    ],
)
def test_SPEC_13_a_bad_option_is_named(field: str, value: Any) -> None:
    assert f"{field}={value!r}" in refused(SupervisorSpec, id="s", **{field: value})
    with pytest.raises(TypeError, match="unknown"):
        SupervisorSpec(id="s", unknown=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("field", "value"),
    [("max_children", 1.5), ("max_children", True), ("initial", 0.5), ("initial", -1), ("initial", 3)],
)
def test_a_bad_option_of_a_pool_is_named(field: str, value: Any) -> None:
    options = {"strategy": "dynamic", "children": [child("w")], "max_children": 2, field: value}
    assert f"{field}={value!r}" in refused(SupervisorSpec, id="s", **options)


@pytest.mark.parametrize("names", ["", "ab"])
def test_SPEC_08_a_pool_has_exactly_one_template(names: str) -> None:
    """As simple_one_for_one. Elixir's DynamicSupervisor has none; here whole descriptions may be started beside it."""
    assert f"children={list(names)!r} must be one template" in refused(tree, *map(child, names), strategy="dynamic")


@pytest.mark.parametrize(
    ("field", "value"), [("degrade_after", 2.5), ("restart_after", 2), ("retry", None), ("probe", 1)]
)
def test_a_bad_error_budget_is_refused(field: str, value: Any) -> None:
    assert f"{field}={value!r}" in refused(ErrorBudget, **{field: value})


def test_SPEC_19_PART_04_bad_partitions_are_refused() -> None:
    with pytest.raises(TypeError, match="id"):
        partitioned(template=child("w"), partitions=1)  # type: ignore[call-arg]
    for partitions in (0, -1, 1.5, True, "two"):
        assert f"partitions={partitions!r}" in refused(partitioned, "p", child("w"), partitions)
    assert "template" in refused(partitioned, "p", None, 1)
    assert "args_of" in refused(partitioned, "p", child("w"), 1, 7)
    assert "auto_shutdown" in refused(partitioned, "p", child("w"), 1, auto_shutdown="any_significant")
    with pytest.raises(SupervisorError, match="no partition runs"):
        partition_of("key", [])

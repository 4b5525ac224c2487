"""A tree as the source text of a picture."""

from __future__ import annotations

import pytest

from supervisors import ChildSpec, SupervisorError, SupervisorSpec
from supervisors.picture import draw
from supervisors.testing import Puppet, SimulatedTree

ODD = 'a"<b>`\\'
SPEC = SupervisorSpec(id="root", children=[SupervisorSpec(id="sub", children=[ChildSpec(id=ODD, actor=Puppet)])])


def test_mermaid_has_every_child_under_its_supervisor() -> None:
    with SimulatedTree.start(SPEC) as tree:
        lines = tree.draw("mermaid").splitlines()
    assert lines[0] == "flowchart TD"
    assert lines[1].startswith('  n0["root (one#95;for#95;one)<br/>running')
    assert "  n0 --> n1" in lines and "  n1 --> n2" in lines
    odd = next(line for line in lines if line.startswith("  n2(["))
    assert odd.startswith('  n2(["a#34;#60;b#62;#96;#92;<br/>running · pid ') and odd.endswith('"])')


def test_dot_escapes_what_would_end_a_label() -> None:
    with SimulatedTree.start(SPEC) as tree:
        text = tree.draw("dot")
    assert text.startswith("digraph tree {\n") and text.endswith("}\n")
    assert 'n2 [label="a\\"<b>`\\\\\\nrunning' in text and "n1 -> n2;" in text


def test_another_form_is_refused() -> None:
    with pytest.raises(SupervisorError, match="format='png' must be one of dot, mermaid"):
        draw({}, "png")

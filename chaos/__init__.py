"""Breaks what AIDOS runs, on purpose and by a seeded schedule, and judges by laws whether anything was lost.

Nobody imports this package but its own tests and demonstrations. Its names are imported when they are first used, so
that ``python -m chaos`` can put ``sys.path`` right before anything else is looked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chaos.campaign import Campaign
    from chaos.experiment import KINDS, STAGES, Kill, plan_kills
    from chaos.facts import Finding
    from chaos.report import Delivered, Missed, Report, load_report

_HOMES = {
    "Campaign": "chaos.campaign",
    "Delivered": "chaos.report",
    "Finding": "chaos.facts",
    "KINDS": "chaos.experiment",
    "Kill": "chaos.experiment",
    "Missed": "chaos.report",
    "Report": "chaos.report",
    "STAGES": "chaos.experiment",
    "load_report": "chaos.report",
    "plan_kills": "chaos.experiment",
}

__all__ = [
    "KINDS",
    "STAGES",
    "Campaign",
    "Delivered",
    "Finding",
    "Kill",
    "Missed",
    "Report",
    "load_report",
    "plan_kills",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'chaos' has no {name!r}")
    return getattr(import_module(_HOMES[name]), name)

"""What a campaign did and found: as a value, as JSON for machines, as a table for people."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from msgspec import Struct, to_builtins

from aidos_actors.core.errors import BadInput, NotFound
from chaos.experiment import Kill
from chaos.facts import Finding

FILE_NAME = "chaos.json"
SCHEMA_VERSION = 1


class Delivered(Struct, frozen=True):
    """One kill that was carried out. ``at`` in wall seconds since the epoch; ``healed_s`` from the signal until
    everything was back, None when the work had ended before that was seen; ``in_stage``: by the journal, the stage
    was still open when the signal was sent (otherwise the pair was tried again)."""

    kind: str
    stage: str
    pids: tuple[int, ...]
    healed_s: float | None
    at: float
    delay_s: float = 0.0
    requirement: str = ""
    task: str | None = None
    attempt: int | None = None
    in_stage: bool = True


class Missed(Struct, frozen=True):
    """A kill of the schedule that was never carried out at its stage, and why."""

    kind: str
    stage: str
    reason: str


class Report(Struct, frozen=True):
    """The outcome of one campaign. ``starts``: how often ``run`` was started; ``took_s``: the whole campaign."""

    seed: int
    requirements: tuple[str, ...]
    kills: tuple[Delivered, ...]
    missed: tuple[Missed, ...]
    findings: tuple[Finding, ...]
    commits: int
    tasks_done: int
    starts: int
    started_at: float
    took_s: float

    @property
    def laws_ok(self) -> bool:
        return not self.findings

    @property
    def verdict_ok(self) -> bool:
        """Every law holds, and every kill of the schedule was carried out."""
        return self.laws_ok and not self.missed

    @property
    def lost(self) -> int:
        return sum(finding.law == "lost" for finding in self.findings)

    @property
    def doubled(self) -> int:
        return sum(finding.law == "doubled" for finding in self.findings)

    def heal_times_s(self) -> dict[str, list[float]]:
        """By kind of process, sorted: how long each took to be back."""
        times: dict[str, list[float]] = {}
        for kill in self.kills:
            if kill.healed_s is not None:
                times.setdefault(kill.kind, []).append(kill.healed_s)
        return {kind: sorted(found) for kind, found in sorted(times.items())}

    def as_dict(self) -> dict[str, Any]:
        rto = {
            kind: {"kills": len(found), "median_s": round(median(found), 3), "worst_s": round(found[-1], 3)}
            for kind, found in self.heal_times_s().items()
        }
        verdict = {"ok": self.verdict_ok, "lost": self.lost, "doubled": self.doubled, "people_asked": 0}
        return {"schema_version": SCHEMA_VERSION, **to_builtins(self), "verdict": verdict, "rto": rto}

    def as_text(self) -> str:
        """A table of the kills between two lines with the seed."""
        head = [f"seed {self.seed}: {len(self.kills)} kills, {', '.join(self.requirements)}"]
        rows = [("killed", "stage", "task", "pids", "healed"), *(_row(kill) for kill in self.kills)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        rto = [
            f"  {kind}: median {median(found):.3f} s, worst {found[-1]:.3f} s of {len(found)}"
            for kind, found in self.heal_times_s().items()
        ]
        wrong = [f"NOT REACHED: {missed.kind} while {missed.stage}: {missed.reason}" for missed in self.missed]
        wrong += [f"BROKEN ({finding.law}): {finding.text}" for finding in self.findings]
        verdict = "OK" if self.verdict_ok else "FAILED"
        tail = [
            f"{self.tasks_done} tasks done, {self.commits} commits, lost {self.lost}, doubled {self.doubled},"
            f" people asked 0, run started {self.starts} times, {self.took_s:.1f} s",
            f"verdict {verdict}, seed {self.seed}",
        ]
        return "\n".join([*head, *table, *(["back after:", *rto] if rto else []), *wrong, *tail])

    def save(self, state_dir: Path) -> Path:
        """``chaos.json`` in the folder is this report, whole."""
        path = state_dir / FILE_NAME
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")
        os.replace(draft, path)  # noqa: PTH105 - the word everyone knows for it
        return path


def load_report(state_dir: Path) -> Report:
    """What ``save`` wrote. Raises ``NotFound``, or ``BadInput`` when the file is no report."""
    path = state_dir / FILE_NAME
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return _report_of(said)
    except OSError:
        raise NotFound(f"there is no {path}", hint="`python -m chaos run SPEC --state DIR` writes it") from None
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"this is no report of a campaign: {error!r}", file=str(path)) from None


def _report_of(said: Mapping[str, Any]) -> Report:
    return Report(
        seed=said["seed"],
        requirements=tuple(said["requirements"]),
        kills=tuple(Delivered(**{**kill, "pids": tuple(kill["pids"])}) for kill in said["kills"]),
        missed=tuple(Missed(**missed) for missed in said["missed"]),
        findings=tuple(Finding(**finding) for finding in said["findings"]),
        commits=said["commits"],
        tasks_done=said["tasks_done"],
        starts=said["starts"],
        started_at=said["started_at"],
        took_s=said["took_s"],
    )


def line_of(kill: Delivered) -> str:
    """One kill in one line, for progress."""
    when = datetime.fromtimestamp(kill.at, UTC).isoformat(timespec="milliseconds")
    late = "" if kill.in_stage else " (too late: the stage was over, tried again)"
    return f"{when} {Kill(kill.kind, kill.stage)}, {_healed(kill)}{late}"


def _row(kill: Delivered) -> tuple[str, ...]:
    shown = " ".join(str(pid) for pid in kill.pids[:1]) + (f" +{len(kill.pids) - 1}" if len(kill.pids) > 1 else "")
    task = f"{kill.task}#{kill.attempt}" if kill.task else "-"
    stage = kill.stage if kill.in_stage else f"({kill.stage}: over)"
    return kill.kind, stage, task, shown, _healed(kill)


def _healed(kill: Delivered) -> str:
    return "work ended first" if kill.healed_s is None else f"{kill.healed_s:.3f} s"

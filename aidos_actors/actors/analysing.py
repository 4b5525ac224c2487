"""What the Analyzer does beside its mailbox: read a document, and ask one analyzer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from aidos_actors import crash
from aidos_actors.actors.words import PlanAccepted, PlanRejected
from aidos_actors.analysis_settings import DOCUMENT
from aidos_actors.analyzers.answers import NoPlan
from aidos_actors.analyzers.held import hold_while_exists
from aidos_actors.analyzers.kept import KeptPlans
from aidos_actors.blobs import get_text, put_text
from aidos_actors.core.amending import amended
from aidos_actors.core.errors import AidosError, BadInput
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.masking import masked
from aidos_actors.core.orders import Analyse
from aidos_actors.core.plan import build_plan
from aidos_actors.core.requirement import Requirement, Task
from aidos_actors.folders import end_of
from aidos_actors.layout import Layout
from aidos_actors.ports import Analyzer, ReplanningAnalyzer, WithdrawableAnalyzer
from aidos_actors.withdrawal import Withdrawal, Withdrawn

OUTPUT_BYTES_MAX = 4000


class Read(Struct, frozen=True):
    """A document was read: ``word`` is all there is to say of it, or ``requirement`` is to be asked about, of the
    analyzers ``names`` that understand it; or what to do in the place of its ``failed`` task."""

    order: Analyse
    word: PlanAccepted | PlanRejected | None = None
    requirement: Requirement | None = None
    names: tuple[str, ...] = ()
    failed: FailedTask | None = None


class Asked(Struct, frozen=True):
    """An analyzer was asked: it has found a plan, or failed."""

    order: Analyse
    name: str
    word: PlanAccepted | None = None
    error: Exception | None = None


class AnalysisHands:
    """Job threads call ``read`` and ``ask``, for each requirement one at a time."""

    def __init__(self, layout: Layout, analyzers: Mapping[str, Analyzer], hold_file: str | None) -> None:
        self._blobs = layout.blobs
        self._output = layout.output
        self._analyzers = analyzers
        self._kept = KeptPlans(layout.analysis / "plans")
        self._hold_file = Path(hold_file) if hold_file else None

    def read(self, order: Analyse) -> Read:
        """OSError when the disk cannot. What an analyzer found before is found again."""
        hold_while_exists(self._hold_file)
        if order.failed is not None:
            return self._read_failed(order, order.failed)
        crash.before("plan-built")
        try:
            requirement = Requirement.model_validate_json(get_text(self._blobs, order.document))
            names = tuple(name for name, each in self._analyzers.items() if each.understands(requirement))
            if DOCUMENT in names:
                self._analyzers[DOCUMENT].analyse(requirement)
        except (AidosError, ValueError) as error:
            return Read(order, PlanRejected(order.requirement, str(error)))
        crash.after("plan-built")
        if DOCUMENT in names:
            return Read(order, PlanAccepted(order.requirement))
        for name in names:
            tasks = self._kept.get(name, self._analyzers[name], requirement)
            if tasks is not None:
                return Read(order, self._accepted(order, name, requirement, tasks))
        if not names:
            why = "it lists no tasks, and no analyzer of this system understands words: see analysis.order"
            return Read(order, PlanRejected(order.requirement, why))
        return Read(order, requirement=requirement, names=names)

    def _read_failed(self, order: Analyse, failed: FailedTask) -> Read:
        """Who may know what to do in the place of a task that failed, or what one of them once knew."""
        requirement = Requirement.model_validate_json(get_text(self._blobs, order.document))
        file = self._output(order.requirement, failed.id, failed.attempt)
        failed = replace(failed, error=masked(failed.error), output=masked(_end_of(file)))
        able = {name: each for name, each in self._analyzers.items() if isinstance(each, ReplanningAnalyzer)}
        names = tuple(name for name, each in able.items() if each.understands(requirement))
        for name in names:
            tasks = self._kept.get(name, self._analyzers[name], requirement, failed)
            if tasks is not None:
                return Read(order, self._accepted(order, name, requirement, tasks))
        if not names:
            why = "no analyzer of this system can be asked for another plan: see analysis.order"
            return Read(order, PlanRejected(order.requirement, why, order.failed))
        return Read(order, requirement=requirement, names=names, failed=failed)

    def ask(
        self,
        order: Analyse,
        name: str,
        requirement: Requirement,
        withdrawal: Withdrawal,
        failed: FailedTask | None = None,
    ) -> Asked:
        """What it found is on disk before anybody hears of it, if the disk can, wanted or not. Raises only for want of
        memory. ``Withdrawn`` is its error when the question was withdrawn before there was an answer."""
        analyzer = self._analyzers[name]
        try:
            withdrawal.check()
            tasks = _found(analyzer, requirement, withdrawal, failed)
            self._keep(name, analyzer, requirement, tasks, failed)
            return Asked(order, name, self._accepted(order, name, requirement, tasks))
        except MemoryError:
            raise
        except Exception as error:
            is_withdrawn = withdrawal.is_withdrawn and not isinstance(error, Withdrawn)
            return Asked(order, name, error=Withdrawn(str(error)) if is_withdrawn else error)

    def _keep(
        self,
        name: str,
        analyzer: Analyzer,
        requirement: Requirement,
        tasks: tuple[Task, ...],
        failed: FailedTask | None,
    ) -> None:
        try:
            self._kept.put(name, analyzer, requirement, tasks, failed)
        except OSError as error:  # the plan is good all the same: it goes to the ledger
            from loguru import logger

            logger.warning("the plan that {} found cannot be kept: {}", name, error)

    def close(self) -> None:
        for each in self._analyzers.values():
            each.close()

    def _accepted(self, order: Analyse, name: str, requirement: Requirement, tasks: tuple[Task, ...]) -> PlanAccepted:
        if not tasks:
            raise BadInput("there are no tasks in it")
        document = requirement.model_copy(update={"tasks": tasks}).model_dump_json()
        return PlanAccepted(order.requirement, put_text(self._blobs, document), name, order.failed)


def _found(
    analyzer: Analyzer, requirement: Requirement, withdrawal: Withdrawal, failed: FailedTask | None
) -> tuple[Task, ...]:
    """What the analyzer answers, which is a plan, or makes one of the requirement's."""
    if failed is not None:
        assert isinstance(analyzer, ReplanningAnalyzer)
        tasks = analyzer.replan_until(requirement, failed, withdrawal)
        try:
            amended(requirement, failed.id, tasks)
        except BadInput as error:
            raise NoPlan(error.message) from None
        return tasks
    if isinstance(analyzer, WithdrawableAnalyzer):
        tasks = analyzer.analyse_until(requirement, withdrawal)
    else:
        tasks = analyzer.analyse(requirement)
    build_plan(requirement.model_copy(update={"tasks": tasks}))
    return tasks


def _end_of(file: Path) -> str:
    """The end of what an attempt printed, from the beginning of a line; nothing when it left nothing. OSError."""
    try:
        text = end_of(file, OUTPUT_BYTES_MAX)
    except FileNotFoundError:
        return ""
    return text if len(text) < OUTPUT_BYTES_MAX else text.partition("\n")[2] or text

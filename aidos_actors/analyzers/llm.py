"""The analyzer that is a language model: one question, at most one round of repair, within the budget of the day.

Nothing is asked while nothing changes: what was found is kept by who calls this. What the model says is checked like
any other answer, and never carried out before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from aidos_actors.analysis_settings import LlmAnalysis
from aidos_actors.analyzers.answers import NoPlan, NotNow, keys_for, read_amendment, read_answer
from aidos_actors.analyzers.chat import Chat, Declined, NotReached, Refused
from aidos_actors.analyzers.prompts import (
    VERSION,
    Message,
    answer_format,
    messages_about,
    messages_for,
    repair_of,
    unfenced,
)
from aidos_actors.analyzers.purse import Purse
from aidos_actors.core.agents.spending import Charge, DayLimits
from aidos_actors.core.errors import Unfit
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.requirement import Requirement, Task
from aidos_actors.withdrawal import Withdrawal

PLAINER = {"json_schema": "json_object", "json_object": "text"}
MILLION = 1_000_000
_ANSWERS_DEPEND_ON = {"base_url", "model", "allow", "answer_tokens_max", "temperature"}


class LlmAnalyzer:
    """The port ``Analyzer`` on chat completions."""

    def __init__(self, settings: LlmAnalysis, folder: Path) -> None:
        """``folder`` is its own. Connects to nobody."""
        assert settings.base_url is not None
        self._settings = settings
        self._keys = keys_for(settings.allow)
        self._format: str = settings.answer_format
        key = settings.api_key.get_secret_value() if settings.api_key is not None else None
        self._chat = Chat(settings.base_url, key, settings.timeout_s, settings.answer_bytes)
        self._purse = Purse(folder / "spent.json", DayLimits(**dict(settings.per_day)))

    def understands(self, requirement: Requirement) -> bool:
        return requirement.text is not None

    def fingerprint(self) -> str:
        return f"{VERSION} {self._settings.model_dump_json(include=_ANSWERS_DEPEND_ON)}"

    def analyse(self, requirement: Requirement) -> tuple[Task, ...]:
        """As the port says; ``Unfit`` where the configuration must change."""
        return self.analyse_until(requirement, Withdrawal())

    def analyse_until(self, requirement: Requirement, withdrawal: Withdrawal) -> tuple[Task, ...]:
        """As ``analyse``. A request that is withdrawn is cut off, and counts as it was reserved."""
        self._refuse_long(requirement.text or "")
        read = partial(read_answer, allow=self._settings.allow)
        return self._answered(messages_for(requirement, self._keys), read, withdrawal)

    def replan_until(self, requirement: Requirement, failed: FailedTask, withdrawal: Withdrawal) -> tuple[Task, ...]:
        """As ``analyse_until``, in the place of a task that failed."""
        messages = messages_about(requirement, failed, self._keys)
        self._refuse_long(messages[-1]["content"])
        read = partial(read_amendment, allow=self._settings.allow, requirement=requirement, failed=failed)
        return self._answered(messages, read, withdrawal)

    def _answered(
        self, messages: list[Message], read: Callable[[str], tuple[Task, ...]], withdrawal: Withdrawal
    ) -> tuple[Task, ...]:
        """What ``read`` finds in the answer, or in the second one."""
        answer = self._ask(messages, withdrawal)
        try:
            return read(unfenced(answer))
        except NoPlan as error:
            messages += repair_of(answer, error.problems)
        return read(unfenced(self._ask(messages, withdrawal)))

    def _refuse_long(self, text: str) -> None:
        size_bytes = len(text.encode())
        if size_bytes > self._settings.text_bytes:
            raise NoPlan(f"the text has {size_bytes:,} bytes, more than analysis.llm.text_bytes")

    def close(self) -> None:
        self._chat.close()

    def _ask(self, messages: list[Message], withdrawal: Withdrawal) -> str:
        """The answer's text. A server that does not know the format asked for is asked for a plainer one, from then
        on."""
        while True:
            withdrawal.check()
            asked_for = self._format
            try:
                return self._charged(messages, asked_for, withdrawal)
            except Refused as error:
                if asked_for not in PLAINER:
                    raise NoPlan(error.message) from error
                self._format = PLAINER[asked_for]

    def _charged(self, messages: list[Message], asked_for: str, withdrawal: Withdrawal) -> str:
        """One call, on record before it is made."""
        settings = self._settings
        size = sum(len(each["content"].encode()) for each in messages)
        reserved = self._charge(size, settings.answer_tokens_max, settings.timeout_s)  # a token is a byte at least
        day = self._purse.take(reserved)
        began = time.monotonic()

        def correct(spent: Charge, rest_s: float | None = None) -> None:
            self._purse.correct(reserved, replace(spent, seconds=time.monotonic() - began), day, rest_s)

        try:
            done = self._chat.complete(self._request(messages, asked_for), withdrawal)
        except Exception as error:
            correct(_cost_of(error, reserved), error.delay_s if isinstance(error, NotNow) else None)
            raise
        correct(self._charge(_or(done.tokens_in, size), _or(done.tokens_out, settings.answer_tokens_max), 0))
        return done.text

    def _charge(self, tokens_in: int, tokens_out: int, seconds: float) -> Charge:
        settings = self._settings
        cost = (tokens_in * settings.price_per_million_in + tokens_out * settings.price_per_million_out) / MILLION
        return Charge(tokens_in + tokens_out, cost, seconds)

    def _request(self, messages: list[Message], asked_for: str) -> dict[str, Any]:
        settings = self._settings
        request: dict[str, Any] = {
            "model": settings.model,
            "messages": messages,
            settings.tokens_parameter: settings.answer_tokens_max,
        }
        shape = answer_format(asked_for, self._keys)
        if shape is not None:
            request["response_format"] = shape
        if settings.temperature is not None:
            request["temperature"] = settings.temperature
        return request


def _cost_of(error: Exception, reserved: Charge) -> Charge:
    """Of a request that was not answered: what was booked, unless the error says better."""
    match error:
        case NotReached():
            return Charge(calls=0)
        case NotNow() | Declined() | Refused() | Unfit():
            return Charge()
    return reserved


def _or(counted: int | None, assumed: int) -> int:
    return assumed if counted is None else counted

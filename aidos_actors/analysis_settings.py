"""What may be configured of analysis: who is asked for the tasks of a requirement that says in words what is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

DOCUMENT, COMMAND, LLM = "document", "command", "llm"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
Allowed = Literal["run", "call", "verify"]
_ALLOW = "Which keys its tasks may have besides harmless ones; run and call let it have any command run."


class CommandAnalysis(BaseModel):
    """A program that is given the words and answers with tasks."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    run: str | None = Field(default=None, min_length=1, description="A shell command: words in, tasks as JSON out.")
    allow: tuple[Allowed, ...] = Field(default=(), description=_ALLOW)
    timeout_s: float = Field(default=300.0, gt=0, le=86400, description="The longest time of one run.")
    output_bytes: int = Field(default=1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="The longest answer.")


class DayBudget(BaseModel):
    """The most of each in one day of UTC; not set: no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    calls: int | None = Field(default=200, ge=0, description="Requests.")
    tokens: int | None = Field(default=2_000_000, ge=0, description="Tokens, in and out.")
    cost: float | None = Field(default=None, ge=0, description="In the currency of the prices.")
    seconds: float | None = Field(default=7200.0, ge=0, description="Time spent on waiting for answers.")


class LlmAnalysis(BaseModel):
    """A language model, by OpenAI's chat completions."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    base_url: str | None = Field(default=None, description="For example https://host/v1.")
    model: str | None = Field(default=None, min_length=1, description="The model's name there.")
    api_key: SecretStr | None = Field(default=None, description="The key; better by api_key_env.")
    api_key_env: str | None = Field(default=None, min_length=1, description="The variable that holds the key.")
    allow: tuple[Allowed, ...] = Field(default=(), description=_ALLOW)
    answer_format: Literal["json_schema", "json_object", "text"] = Field(
        default="json_schema", description="What is asked for; a server that does not know it is asked for less."
    )
    answer_tokens_max: int = Field(default=8192, ge=1, le=1_000_000, description="The longest answer in tokens.")
    tokens_parameter: Literal["max_tokens", "max_completion_tokens"] = Field(
        default="max_tokens", description="How the server calls that limit."
    )
    temperature: float | None = Field(default=None, ge=0, le=2, description="Not set: the server's own.")
    timeout_s: float = Field(default=120.0, gt=0, le=3600, description="The longest time of one request.")
    answer_bytes: int = Field(default=1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="The longest answer.")
    text_bytes: int = Field(default=256 * 1024, ge=1, description="The longest requirement that it is asked about.")
    price_per_million_in: float = Field(default=0.0, ge=0, description="For 1,000,000 tokens of questions.")
    price_per_million_out: float = Field(default=0.0, ge=0, description="For 1,000,000 tokens of answers.")
    per_day: DayBudget = DayBudget()

    @model_validator(mode="after")
    def _the_key_stays_secret(self) -> LlmAnalysis:
        if self.base_url is None:
            return self
        url = urlsplit(self.base_url)
        if url.scheme not in ("http", "https") or not url.hostname or url.query or url.username or url.password:
            raise ValueError("base_url must be http(s)://host[:port][/path], without a name, a password or a query")
        has_key = self.api_key is not None or self.api_key_env is not None
        if has_key and url.scheme == "http" and url.hostname not in LOOPBACK:
            raise ValueError("base_url is not https: the key would travel readable over the network")
        return self


class AnalysisSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    order: tuple[str, ...] = Field(
        default=(DOCUMENT,), max_length=20, description="Who is asked, one after the other; document is always first."
    )
    at_once: int = Field(default=2, ge=1, le=50, description="Requirements that analyzers are asked for at once.")
    wait_max_s: float = Field(
        default=60.0, ge=0, le=86400, description="The longest wait an analyzer asks for before the next is asked."
    )
    replans_max: int = Field(
        default=2, ge=0, le=100, description="So often a requirement's plan is given back when a task fails; 0: never."
    )
    replan_wait_max_s: float = Field(
        default=600.0, ge=0, le=86400, description="The longest wait for a new plan while no analyzer can answer."
    )
    command: CommandAnalysis = CommandAnalysis()
    llm: LlmAnalysis = LlmAnalysis()
    plugins: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="What other packages' analyzers want to be told, by their name."
    )

    @property
    def readers(self) -> tuple[str, ...]:
        """Those that understand words, in their order."""
        return tuple(name for name in dict.fromkeys(self.order) if name != DOCUMENT)

    @model_validator(mode="after")
    def _those_in_order_are_configured(self) -> AnalysisSettings:
        if COMMAND in self.order:
            if self.command.run is None:
                raise ValueError("order names command, so command.run must say which program that is")
            _refuse_idle(COMMAND, self.command.allow)
        if LLM in self.order:
            if self.llm.base_url is None or self.llm.model is None:
                raise ValueError("order names llm, so llm.base_url and llm.model must say which")
            _refuse_idle(LLM, self.llm.allow)
        return self

    def with_key(self, environment: Mapping[str, str]) -> AnalysisSettings:
        """With the model's key from the variable that holds it, unless it is there already."""
        name = self.llm.api_key_env
        if self.llm.api_key is not None or name is None or name not in environment:
            return self
        return self.model_copy(update={"llm": self.llm.model_copy(update={"api_key": SecretStr(environment[name])})})


def _refuse_idle(name: str, allow: tuple[Allowed, ...]) -> None:
    if not {"run", "call"} & set(allow):
        raise ValueError(f'{name}.allow must hold "run" or "call": no task can be without either')

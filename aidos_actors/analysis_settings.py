"""What may be configured of analysis: who is asked for the tasks of a requirement that says in words what is wanted."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

DOCUMENT, COMMAND = "document", "command"
Allowed = Literal["run", "call", "verify"]
_ALLOW = "Which keys its tasks may have besides harmless ones; run and call let it have any command run."


class CommandAnalysis(BaseModel):
    """A program that is given the words and answers with tasks."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    run: str | None = Field(default=None, min_length=1, description="A shell command: words in, tasks as JSON out.")
    allow: tuple[Allowed, ...] = Field(default=(), description=_ALLOW)
    timeout_s: float = Field(default=300.0, gt=0, le=86400, description="The longest time of one run.")
    output_bytes: int = Field(default=1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="The longest answer.")


class AnalysisSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    order: tuple[str, ...] = Field(
        default=(DOCUMENT,), max_length=20, description="Who is asked, one after the other; document is always first."
    )
    at_once: int = Field(default=2, ge=1, le=50, description="Requirements that analyzers are asked for at once.")
    wait_max_s: float = Field(
        default=60.0, ge=0, le=86400, description="The longest wait an analyzer asks for before the next is asked."
    )
    command: CommandAnalysis = CommandAnalysis()
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
        return self


def _refuse_idle(name: str, allow: tuple[Allowed, ...]) -> None:
    if not {"run", "call"} & set(allow):
        raise ValueError(f'{name}.allow must hold "run" or "call": no task can be without either')

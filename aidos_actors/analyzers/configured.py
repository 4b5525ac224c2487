"""The analyzers of a configuration, made: ours, and those of other packages.

An entry point names a callable ``(settings, folder, base_env) -> Analyzer``: the table ``[analysis.plugins.NAME]``, a
folder of its own, which it may make, and the environment for what it starts, without secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aidos_actors.analysis_settings import COMMAND, DOCUMENT, LLM, AnalysisSettings
from aidos_actors.analyzers.documents import DocumentAnalyzer
from aidos_actors.analyzers.installed import GROUP, refuse_unknown
from aidos_actors.ports import Analyzer


def configured(settings: AnalysisSettings, folder: Path, base_env: Mapping[str, str]) -> dict[str, Analyzer]:
    """Those in the configured order; ``document`` first. Each may use the folder of its name in ``folder``. Whatever
    one of them raises on its way is raised, and those made before are closed."""
    made: dict[str, Analyzer] = {DOCUMENT: DocumentAnalyzer()}
    try:
        for name in settings.readers:
            made[name] = _made(name, settings, folder / name, base_env)
    except BaseException:
        for each in made.values():
            each.close()
        raise
    return made


def _made(name: str, settings: AnalysisSettings, folder: Path, base_env: Mapping[str, str]) -> Analyzer:
    if name == COMMAND:
        from aidos_actors.analyzers.command import CommandAnalyzer

        return CommandAnalyzer(settings.command, folder, base_env)
    if name == LLM:
        from aidos_actors.analyzers.llm import LlmAnalyzer

        return LlmAnalyzer(settings.llm, folder)
    refuse_unknown([name])
    from importlib.metadata import entry_points

    (found,) = list(entry_points(group=GROUP, name=name))[:1]
    analyzer: Analyzer = found.load()(settings.plugins.get(name, {}), folder, base_env)
    return analyzer

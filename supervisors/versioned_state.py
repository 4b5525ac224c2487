"""A state's pydantic model and its version, and the JSON text it is stored as.

Rules for this file: pure. The text holds fields by their names, whatever aliases they have.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

VERSION_NAMES = ("version", "schema_version")


def version_of(model: type[BaseModel]) -> int:
    """The version of a state's model: its class variable or field default ``version`` or ``schema_version``, else 1."""
    for name in VERSION_NAMES:
        field = model.model_fields.get(name)
        version = field.default if field is not None else getattr(model, name, None)
        if type(version) is int:
            return version
    return 1


def dumped(state: object, model: type[BaseModel]) -> str:
    """``state`` as JSON text. TypeError when it is no ``model``; pydantic's error when a field has no JSON."""
    if not isinstance(state, model):
        raise TypeError(f"the state is a {type(state).__name__}, not a {model.__qualname__}")
    return state.model_dump_json(round_trip=True, warnings="none")


def loaded(text: str, model: type[BaseModel]) -> BaseModel:
    """What ``dumped`` gave. Raises pydantic's ValidationError when it does not fit ``model``."""
    return model.model_validate_json(text, by_name=True)


def migrated(today: BaseModel | dict[str, Any], model: type[BaseModel]) -> BaseModel:
    """What a migration made of an older state, as a ``model``; a version field among its fields says today's."""
    if isinstance(today, BaseModel):
        return loaded(dumped(today, model), model)
    fields = [name for name in VERSION_NAMES if name in model.model_fields]
    named = {name: model.model_fields[name].default for name in fields if type(model.model_fields[name].default) is int}
    return loaded(json.dumps({**today, **named}), model)

"""What a setting affects: each field of the schema says so, in its annotation or by its section."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Stage = Literal["scores", "training", "evaluation"]
"""Scores at initialisation and what is made of them, one-shot masks too; trained weights; metrics of a network."""


@dataclass(frozen=True)
class Affects:
    """The stages whose numbers a setting changes; none: it changes no number.

    Attributes:
        stages: by name.
        where_used: only some kinds of work read the setting (a method's option, the schedule of retraining), or a flag
            takes its place; the value that counts is handed to ``runtime.identity.identity_of`` by the work itself.
        neutral: the value that does what was done before there was the setting. It does not count, so that work from
            before is known again.
    """

    stages: tuple[Stage, ...] = ()
    where_used: bool = False
    neutral: Any = ...


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as ``section.key`` -> value; lists and tuples compare alike."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = list(value) if isinstance(value, tuple) else value
    return flat


def affecting(
    schema: type[BaseModel], flat: Mapping[str, Any], stage: Stage, where_used: bool = False
) -> dict[str, Any]:
    """Those of some flattened settings that affect a stage; keys that the schema does not know are left out.

    Args:
        schema: of the settings.
        flat: as ``flatten`` gives them.
        where_used: also those that only some kinds of work read.
    """
    return {key: value for key, value in flat.items() if _counts(affects(schema, key), value, stage, where_used)}


def affects(schema: type[BaseModel], key: str) -> Affects | None:
    """What a setting affects; None if the schema has no such key, or does not say.

    Args:
        key: ``section.key``; what lies inside a free-form setting affects what that one does.
    """
    name, _, rest = key.partition(".")
    field = schema.model_fields.get(name)
    if field is None:
        return getattr(schema, "AFFECTS", None) if schema.model_config.get("extra") == "allow" else None
    for said in field.metadata:
        if isinstance(said, Affects):
            return said
    section = next(_sections(field.annotation), None)
    if section is None:
        return getattr(schema, "AFFECTS", None)
    if _is_mapping(field):  # of sections by name
        rest = rest.partition(".")[2]
    return affects(section, rest) if rest else getattr(section, "AFFECTS", None)


def _counts(said: Affects | None, value: Any, stage: Stage, where_used: bool) -> bool:
    if said is None or stage not in said.stages or value == said.neutral:
        return False
    return where_used or not said.where_used


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    """Models inside an annotation such as ``dict[str, TaskConfig]`` or ``ScheduleConfig | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections(argument)


def _is_mapping(field: FieldInfo) -> bool:
    return getattr(field.annotation, "__origin__", None) is dict

"""The estimators by name. A new one is one file in ``estimators/`` and one line here, or ``module:attribute``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from configs.errors import UserError
from configs.plugins import resolve
from configs.schema import Config, describe
from configs.strict_yaml import parse

if TYPE_CHECKING:
    from relatedness.base import Estimator

# In the order in which they are shown, by docs/evidence.md and docs/relatedness.md: first the two that see a planted
# copy and planted noise for what they are and need no training; then two that see which task is loud, which
# decided part of the gains that were measured with plain loss weights.
ESTIMATORS = {
    "readout": "relatedness.estimators.readout:Readout",
    "labels": "relatedness.estimators.labels:Labels",
    "joint_alignment": "relatedness.estimators.joint_alignment:JointAlignment",
    "dominance": "relatedness.estimators.dominance:Dominance",
    "snip": "relatedness.estimators.snip:Snip",
    "first_order": "relatedness.estimators.first_order:FirstOrder",
    "gradient_cosine": "relatedness.estimators.gradient_cosine:GradientCosine",
    "tag": "relatedness.estimators.tag:Tag",
    "probe": "relatedness.estimators.probe:Probe",
    "short_cotraining": "relatedness.estimators.short_cotraining:ShortCotraining",
}
"""Where each estimator is found; it is loaded when it is asked for, since that takes torch."""

DEFAULT = ("readout+readable=true", "labels", "joint_alignment", "dominance")
"""What is asked where none is named, the recommended one first (docs/evidence.md)."""

UNTRAINED = ("labels", "init")
STATE_MARK, OPTION_MARK = "@", "+"


def build_estimators(labels: Sequence[str] | None, config: Config) -> "dict[str, Estimator]":
    """Estimators with their options, by label.

    Args:
        labels: keys of ``ESTIMATORS`` or ``module:attribute``, each perhaps with options and with the state that it is
            to look at, as in ``gradient_cosine@warm`` or ``readout+depth=blocks.2@warm``; "all" stands for all of
            ``ESTIMATORS``, "every" for all in each of the states that they can look at. None: those of ``DEFAULT``.
        config: the settings; ``relatedness.<name>`` holds the options of an estimator.

    Raises:
        UserError: an unknown estimator, no estimator, one named twice, or an option that it does not have or cannot
            take.
    """
    if labels is None:
        labels = DEFAULT
        for name in ESTIMATORS:  # a wrong option is told even of one that is not asked
            build_estimator(name, config)
    _check_sections(config, labels)
    wanted = [name for label in labels for name in _meant(label, config)]
    if len(set(wanted)) < len(wanted) or not wanted:
        raise UserError(f"--estimators: '{','.join(labels)}' should name each estimator once, for instance snip,labels")
    return {label: build_estimator(label, config) for label in wanted}


def build_estimator(label: str, config: Config) -> "Estimator":
    """One estimator; see ``build_estimators``."""
    name, in_label = split_label(label)
    kind = find_estimator(name, config)
    try:
        return kind(**{**config.relatedness.get(name, {}), **in_label})
    except ValidationError as error:
        where = f"--estimators: {label}" if error.errors()[0]["loc"][0] in in_label else f"{config.source}"
        raise UserError(f"{where}: {describe(error, f'relatedness.{name}')}") from error


def split_label(label: str) -> tuple[str, dict[str, Any]]:
    """The name of an estimator, and the options that its label adds to those in the settings.

    Raises:
        UserError: an option without a value, or one that is not YAML.
    """
    rest, mark, state = label.partition(STATE_MARK)
    name, *parts = rest.split(OPTION_MARK)
    options: dict[str, Any] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not key or not equals:
            raise UserError(f"--estimators: {label}: '{part}' is no option=value, as in readout+symmetric=true")
        options[key] = parse(value, f"--estimators: {label}", (key,))
    return name, options | ({"state": state} if mark else {})


def find_estimator(name: str, config: Config) -> "type[Estimator]":
    """The class of an estimator.

    Raises:
        UserError: there is none of that name, or it is no estimator.
    """
    from relatedness.base import Estimator

    what = "estimator (--estimators)"
    found = resolve(name, ESTIMATORS, what, config.source.parent)
    if isinstance(found, str):
        found = resolve(found, {}, what)
    if not (isinstance(found, type) and issubclass(found, Estimator)):
        raise UserError(f"--estimators: '{name}' is no estimator; make it a subclass of relatedness.base.Estimator")
    missing = sorted(found.__abstractmethods__) + [name for name in ("needs", "directed") if not hasattr(found, name)]
    if missing:
        raise UserError(f"--estimators: the class '{name}' lacks {', '.join(missing)}; add it")
    return found


def _meant(label: str, config: Config) -> list[str]:
    """The labels that one stands for."""
    if label == "all":
        return list(ESTIMATORS)
    if label != "every":
        return [label]
    found = []
    for name in ESTIMATORS:
        usual, *others = find_estimator(name, config).needs
        found += [name if need == usual else f"{name}{STATE_MARK}{need}" for need in (usual, *others)]
    return found


def _check_sections(config: Config, labels: Sequence[str]) -> None:
    known = {*ESTIMATORS, *(split_label(label)[0] for label in labels)}
    for name in config.relatedness:
        if name not in known and ":" not in name:
            raise UserError(f"{config.source}: relatedness.{name}: no such estimator; it knows {', '.join(ESTIMATORS)}")

"""The estimators by name. A new one is one file in ``estimators/`` and one line here, or ``module:attribute``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError

from configs.errors import UserError
from configs.plugins import resolve
from configs.schema import Config, describe

if TYPE_CHECKING:
    from relatedness.base import Estimator

ESTIMATORS = {
    "snip": "relatedness.estimators.snip:Snip",
    "gradient_cosine": "relatedness.estimators.gradient_cosine:GradientCosine",
    "labels": "relatedness.estimators.labels:Labels",
    "first_order": "relatedness.estimators.first_order:FirstOrder",
    "joint_alignment": "relatedness.estimators.joint_alignment:JointAlignment",
    "dominance": "relatedness.estimators.dominance:Dominance",
    "readout": "relatedness.estimators.readout:Readout",
    "tag": "relatedness.estimators.tag:Tag",
    "probe": "relatedness.estimators.probe:Probe",
    "short_cotraining": "relatedness.estimators.short_cotraining:ShortCotraining",
}
"""Where each estimator is found; it is loaded when it is asked for, since that takes torch."""

DEFAULT = ("joint_alignment", "dominance", "gradient_cosine@warm", "labels")
"""What is asked where none is named, the recommended one first: what one warm-up and its gradients give, and labels."""

UNTRAINED = ("labels", "init")
STATE_MARK = "@"


def build_estimators(labels: Sequence[str] | None, config: Config) -> "dict[str, Estimator]":
    """Estimators with their options, by label.

    Args:
        labels: keys of ``ESTIMATORS`` or ``module:attribute``, each perhaps with the state that it is to look at, as
            in ``gradient_cosine@warm``; "all" stands for all of ``ESTIMATORS``. None: those of ``DEFAULT``.
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
    wanted = [name for label in labels for name in (ESTIMATORS if label == "all" else [label])]
    if len(set(wanted)) < len(wanted) or not wanted:
        raise UserError(f"--estimators: '{','.join(labels)}' should name each estimator once, for instance snip,labels")
    return {label: build_estimator(label, config) for label in wanted}


def build_estimator(label: str, config: Config) -> "Estimator":
    """One estimator; see ``build_estimators``."""
    name, mark, state = label.partition(STATE_MARK)
    kind = find_estimator(name, config)
    options = dict(config.relatedness.get(name, {}))
    if mark:
        options["state"] = state
    try:
        return kind(**options)
    except ValidationError as error:
        where = f"--estimators: {label}" if mark and error.errors()[0]["loc"] == ("state",) else f"{config.source}"
        raise UserError(f"{where}: {describe(error, f'relatedness.{name}')}") from error


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


def _check_sections(config: Config, labels: Sequence[str]) -> None:
    known = {*ESTIMATORS, *(label.partition(STATE_MARK)[0] for label in labels)}
    for name in config.relatedness:
        if name not in known and ":" not in name:
            raise UserError(f"{config.source}: relatedness.{name}: no such estimator; it knows {', '.join(ESTIMATORS)}")

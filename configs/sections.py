"""What the sections of the settings have in common: how they are checked, and which numbers they change."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from configs.affects import Affects

EVERYTHING = Affects(("scores", "training", "evaluation"))
LEARNING = Affects(("scores", "training"))  # what is seen in training batches, which scoring uses too
NOTHING = Affects()


class Section(BaseModel):
    """A part of the settings: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def since(neutral: Any, where_used: bool = False) -> Affects:
    """Of a setting of training that came later."""
    return Affects(("training",), where_used, neutral)

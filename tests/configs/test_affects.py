"""Which settings affect which numbers."""

from typing import Annotated, Any, ClassVar

import pytest
from pydantic import BaseModel, ConfigDict

from configs import load_config
from configs.affects import Affects, affecting, affects, flatten
from configs.schema import Config

EVERYTHING = {"scores", "training", "evaluation"}


def keys() -> list[str]:
    """Every key of the schema that a file can set."""
    config = load_config("nyuv2", ["dynamic.end=100", "pruning.disparse_pt={criterion: l1}"])
    return list(flatten(config.model_dump(mode="json")))


def test_every_field_of_the_schema_says_what_it_affects() -> None:
    assert len(keys()) > 50
    assert [key for key in keys() if affects(Config, key) is None] == []
    sections = {key.partition(".")[0] for key in keys()} | {"source"}
    assert sections == set(Config.model_fields), "a section that no key of this test lies in"


@pytest.mark.parametrize(
    ("key", "stages", "where_used"),
    [
        ("name", set(), False),
        ("data.root", set(), False),
        ("data.on_error", set(), False),
        ("data.options.size", EVERYTHING, False),
        ("data.channels", EVERYTHING, False),
        ("data.mean", EVERYTHING, False),
        ("data.std", EVERYTHING, False),
        ("data.crop", {"scores", "training"}, False),
        ("model.rates", EVERYTHING, False),
        ("tasks.seg.weight", {"scores", "training"}, False),
        ("tasks.seg.anything", EVERYTHING, False),
        ("scoring.batch_size", {"scores"}, False),
        ("scoring.num_batches", {"scores"}, True),
        ("train.weight_decay", {"training"}, False),
        ("train.lr", {"training"}, True),
        ("train.max_iters", set(), False),
        ("train.eval_interval", set(), False),
        ("train.eval_batch_size", {"evaluation"}, False),
        ("retrain.lr", {"training"}, True),
        ("retrain.max_iters", set(), False),
        ("dynamic.end", {"training"}, True),
        ("pruning.disparse_pt.criterion", {"scores", "training"}, True),
    ],
)
def test_what_fields_say(key: str, stages: set[str], where_used: bool) -> None:
    said = affects(Config, key)
    assert said is not None
    assert (set(said.stages), said.where_used) == (stages, where_used)


def test_keys_that_the_schema_does_not_know_say_nothing() -> None:
    assert affects(Config, "data.colour") is None
    assert affects(Config, "seed") is None


class Part(BaseModel):
    model_config = ConfigDict(extra="allow")
    AFFECTS: ClassVar = Affects(("scores",))
    a: int = 1
    b: Annotated[int, Affects(("training",))] = 2
    c: Annotated[int, Affects(("scores",), where_used=True)] = 3


class Whole(BaseModel):
    parts: dict[str, Part]
    silent: int = 0
    one: Part | None = None


def test_a_field_speaks_for_itself_and_else_its_section_does() -> None:
    def chosen(*arguments: Any) -> set[str]:
        return set(affecting(Whole, flat, *arguments))

    flat = flatten({"parts": {"x": {"a": 1, "b": 2, "c": 3, "more": {"deep": 4}}}, "silent": 5, "one": {"b": 6}})
    assert chosen("scores") == {"parts.x.a", "parts.x.more.deep"}
    assert chosen("scores", True) == {"parts.x.a", "parts.x.more.deep", "parts.x.c"}
    assert chosen("training") == {"parts.x.b", "one.b"}
    assert chosen("evaluation") == set()

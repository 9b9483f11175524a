"""Labels of whole images: files of them, and how they come through the loader."""

import math
from pathlib import Path

import pytest
import torch
from small_data import make_street, settings

from configs import UserError
from dataloaders import evaluation_loader, open_dataset, training_loader, validation_split
from dataloaders.labels import read_labels
from dataloaders.subset import held_out


@pytest.fixture
def street(tmp_path: Path) -> Path:
    return make_street(tmp_path / "street")


def test_labels_are_classes_and_numbers_and_an_empty_cell_is_unknown(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("\ufeffimage,scene,a,b\nx.png,bath,1,\n\ny.png,,-2.5,3\n")
    labels = read_labels(file)
    assert labels.images == ["x.png", "y.png"] and "x.png" in labels and "z.png" not in labels
    assert labels.label("x.png", "scene", ["bed", "bath"]).tolist() == [[[1]]]
    assert labels.label("y.png", "scene", ["bed", "bath"]).item() == -1
    one, other = labels.numbers("x.png", ["a", "b"]).flatten().tolist()
    assert one == 1 and math.isnan(other)
    assert labels.numbers("y.png", ["b", "a"]).flatten().tolist() == [3, -2.5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,scene\nx.png,bath", "no column 'image'"),
        ("image,scene\nx.png", "line 2: it has 1 of 2 values"),
        ("image,scene\nx.png,a\nx.png,a", "line 3: 'x.png' stands there twice"),
        ("image,scene\nx.png,attic", "scene of 'x.png' is 'attic'; it is one of bed, bath"),
        ("image,other\nx.png,bed", "no column 'scene'; it has image, other"),
        ("image,scene\ny.png,bed", "no row for 'x.png'"),
        ("", "no column 'image'"),
    ],
)
def test_mistakes_in_a_file_of_labels_are_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        read_labels(file).label("x.png", "scene", ["bed", "bath"])
    assert str(file) in str(caught.value)


def test_a_batch_holds_labels_of_whole_images_whatever_was_cut(street: Path) -> None:
    config = settings(str(street / "street.yaml"), street, "data.val_share=0")
    keys = ["seg", "weather", "cars"]
    [batch] = training_loader(config, keys, range(1), batch_size=4, seed=0, num_workers=0)
    assert batch["seg"].shape == (4, 1, 64, 64)
    assert batch["weather"].shape == batch["cars"].shape == (4, 1, 1, 1)
    assert batch["weather"].dtype == torch.int64
    labels = read_labels(street / "labels.csv")
    for name, cars in zip(batch["name"], batch["cars"].flatten().tolist(), strict=True):
        assert cars == labels.numbers(name, ["cars"]).item()


def test_a_share_of_the_training_images_is_held_out_always_the_same(street: Path) -> None:
    config = settings(str(street / "street.yaml"), street)
    assert validation_split(config) == "val"
    train, val = (open_dataset(config, split, ["cars"]) for split in ("train", "val"))
    names = [[part.name(index) for index in range(len(part))] for part in (train, val)]
    assert len(names[1]) == 2 and len(names[0]) == 6 and not set(names[0]) & set(names[1])
    [batch] = evaluation_loader(config, ["cars"], batch_size=4, num_workers=0, split="val")
    assert batch["name"] == names[1]
    seen = training_loader(config, [], range(6), batch_size=4, seed=0, num_workers=0)
    assert {name for batch in seen for name in batch["name"]} == set(names[0])
    assert validation_split(settings(str(street / "street.yaml"), street, "data.val_share=0")) == "test"


def test_what_is_left_of_a_split_gives_images_as_the_whole_does(street: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = settings(str(street / "street.yaml"), street, "data.mean=[1,2,3]", "data.channels=rgb")
    part = open_dataset(config, "train", [])
    monkeypatch.setattr(type(part.whole), "channels", "rgb")
    assert part.channels == "rgb"
    pixels = torch.tensor([5.0, 5.0, 5.0])[:, None, None]
    assert part.normalisation(pixels).flatten().tolist() == [4, 3, 2]


def test_at_least_one_image_stays_on_either_side() -> None:
    assert [len(part) for part in held_out(2, 0.01)] == [1, 1]
    assert [len(part) for part in held_out(2, 0.99)] == [1, 1]
    rest, kept = held_out(100, 0.1)
    assert sorted(rest + kept) == list(range(100)) and len(kept) == 10


def test_a_label_of_the_wrong_shape_is_named(street: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = open_dataset(settings(str(street / "street.yaml"), street), "test", ["weather"])
    read = dataset.read
    shape = {"img": (-1, -1, -1), "weather": (-1, 2, 1)}
    monkeypatch.setattr(dataset, "read", lambda index, key: read(index, key).expand(shape[key]))
    with pytest.raises(UserError, match=r"a tensor \[1, 2, 1\], but 'weather' is of the whole image"):
        dataset.sample(0)


def test_values_that_depend_on_the_scale_are_told_the_factor() -> None:
    from dataloaders.base import Field
    from dataloaders.batches.augmentation import Window, cut

    window = Window(0, 0, 4, 6, scaled=(8, 12), padded=(8, 12))
    field = Field(fill=0, scaled=lambda values, factor: values * factor)
    assert torch.equal(cut(torch.ones(1, 4, 6), window, field, is_image=False), torch.full((1, 8, 12), 2.0))

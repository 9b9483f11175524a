"""A training stream without some of the samples."""

from pathlib import Path

from small_data import make_nyuv2, settings

from dataloaders import Loader, training_loader


def loader(root: Path, batches: int, leaving_out: tuple[int, ...] = ()) -> Loader:
    """Batches of three of seven samples."""
    make_nyuv2(root, count=7)
    return training_loader(
        settings("nyuv2", root, "data.crop=[6, 7]"), ["seg"], range(batches), batch_size=3, seed=1, num_workers=0,
        leaving_out=leaving_out,
    )  # fmt: skip


def test_samples_that_are_left_out_never_come_and_the_others_once_an_epoch(tmp_path: Path) -> None:
    names = [int(name[:4]) for batch in loader(tmp_path, 5, (0, 4)) for name in batch["name"]]
    assert [sorted(names[start : start + 5]) for start in (0, 5, 10)] == [[1, 2, 3, 5, 6]] * 3


def test_the_samples_of_some_batches_are_known_before_they_are_read(tmp_path: Path) -> None:
    batches = loader(tmp_path, 2)
    assert batches.indices() == [int(name[:4]) for batch in batches for name in batch["name"]]

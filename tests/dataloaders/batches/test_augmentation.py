"""Augmentation: image and labels stay aligned, and what is drawn is what was asked for."""

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dataloaders import Field
from dataloaders.batches.augmentation import Window, cut, draw_window, write_padded

PLAIN = Field(fill=-7.0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def coordinates(height: int, width: int) -> torch.Tensor:
    """Row and column of every pixel, [2, H, W]."""
    return torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")).float()


@hypothesis_settings(max_examples=150, deadline=None)
@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    crop=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    scale=st.tuples(st.floats(0.3, 2.5), st.floats(0.3, 2.5)),
    seed=st.integers(0, 2**32),
)
def test_image_and_labels_stay_aligned(size, crop, scale, seed):
    # Both hold the coordinates of their pixels, so what the crop shows says where it came from.
    window = draw_window(size, crop, scale, 0.5, generator(seed))
    where = coordinates(*size)
    image = cut(where, window, PLAIN, is_image=True)
    labels = cut(where, window, PLAIN, is_image=False)
    assert image.shape == labels.shape == (2, *window.scaled)
    # A label is the nearest pixel's: half a pixel away from where the image was sampled, in the source.
    assert (image - labels).abs().max() <= 0.5 + 1e-3
    # Every label is a pixel of the window, in order, from left to right unless mirrored.
    rows, columns = labels[0, :, 0], labels[1, 0]
    columns = columns.flip(0) if window.mirrored else columns
    assert torch.equal(labels[0], labels[0, :, :1].expand_as(labels[0]))
    for values, start, length in ((rows, window.top, window.height), (columns, window.left, window.width)):
        assert (values.diff() >= 0).all() and start <= values[0] and values[-1] < start + length


@hypothesis_settings(max_examples=150, deadline=None)
@given(
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    crop=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    factor=st.floats(0.3, 2.5),
    seed=st.integers(0, 2**32),
)
def test_windows_fit_and_have_the_scale(size, crop, factor, seed):
    window = draw_window(size, crop, (factor, factor), 0.5, generator(seed))
    assert window.padded == crop
    spans = ((window.top, window.height), (window.left, window.width))
    for (start, pixels), length, result, wanted in zip(spans, size, window.scaled, crop, strict=True):
        assert start >= 0 and pixels >= 1 and start + pixels <= length
        assert 1 <= result <= wanted
        # As far as whole pixels allow: the source's pixels times the factor are the result's.
        if pixels > 1 and result > 1:
            assert abs(pixels * factor - result) <= max(0.5, factor / 2) + 1e-6
        if length * factor >= wanted + 0.5:
            assert result == wanted, "no padding where the scaled picture covers the crop"
        if result < wanted:
            assert pixels == length, "where there is padding, nothing is cut off"


def test_factors_shares_and_mirroring_are_spread_evenly():
    windows = [draw_window((400, 400), (100, 100), (0.5, 1.5), 0.25, generator(seed)) for seed in range(2000)]
    factors = torch.tensor([100 / window.height for window in windows])
    assert 0.49 < factors.min() < 0.52 and 1.48 < factors.max() < 1.52 and abs(factors.mean() - 1) < 0.02
    shares = torch.tensor([window.top / (400 - window.height) for window in windows])
    assert shares.min() == 0 and shares.max() == 1 and abs(shares.mean() - 0.5) < 0.02
    across = torch.tensor([window.left / (400 - window.width) for window in windows])
    assert abs(torch.corrcoef(torch.stack([shares, across]))[0, 1]) < 0.06
    assert abs(sum(window.mirrored for window in windows) / 2000 - 0.25) < 0.03


@pytest.mark.parametrize(("probability", "expected"), [(0.0, {False}), (1.0, {True})])
def test_never_and_always_mirrored(probability, expected):
    windows = [draw_window((9, 9), (5, 5), (1, 1), probability, generator(seed)) for seed in range(50)]
    assert {window.mirrored for window in windows} == expected


def test_randomness_comes_from_the_generator_alone():
    state = torch.get_rng_state()
    torch.manual_seed(1)
    one = draw_window((50, 50), (20, 20), (0.5, 1.5), 0.5, generator(3))
    torch.manual_seed(2)
    other = draw_window((50, 50), (20, 20), (0.5, 1.5), 0.5, generator(3))
    assert one == other
    before = torch.get_rng_state()
    draw_window((50, 50), (20, 20), (0.5, 1.5), 0.5, generator(3))
    assert torch.equal(before, torch.get_rng_state())
    torch.set_rng_state(state)


@pytest.mark.parametrize("is_image", [True, False])
def test_without_scaling_pixels_are_kept(is_image):
    where = coordinates(7, 9)
    window = Window(2, 3, 4, 5, scaled=(4, 5), padded=(4, 5))
    assert torch.equal(cut(where, window, PLAIN, is_image=is_image), where[:, 2:6, 3:8])
    mirrored = Window(2, 3, 4, 5, scaled=(4, 5), padded=(4, 5), mirrored=True)
    assert torch.equal(cut(where, mirrored, PLAIN, is_image=is_image), where[:, 2:6, 3:8].flip(2))


def test_labels_keep_their_values_and_images_are_interpolated():
    picture = torch.tensor([[[0, 200]]], dtype=torch.uint8)
    window = Window(0, 0, 1, 2, scaled=(1, 4), padded=(1, 4))
    assert cut(picture, window, PLAIN, is_image=True).flatten().tolist() == [0, 50, 150, 200]
    labels = cut(picture, window, PLAIN, is_image=False)
    assert labels.flatten().tolist() == [0, 0, 200, 200] and labels.dtype == torch.uint8


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64, torch.float32])
def test_every_type_of_label_survives_scaling(dtype):
    largest = 2**24 if dtype in (torch.int32, torch.int64) else min(torch.iinfo(torch.int16).max, 255)
    labels = torch.tensor([[[0, 1], [5, largest]]], dtype=dtype)
    scaled = cut(labels, Window(0, 0, 2, 2, scaled=(4, 6), padded=(4, 6)), PLAIN, is_image=False)
    assert scaled.dtype == dtype and scaled.unique().tolist() == [0, 1, 5, largest]


def test_decoding_comes_before_the_mirror_rule():
    field = Field(fill=0.0, decode=lambda values: values * 10.0, mirror=lambda values: values + 1)
    values = torch.tensor([[[1, 2]]])
    window = Window(0, 0, 1, 2, scaled=(1, 2), padded=(1, 2), mirrored=True)
    assert cut(values, window, field, is_image=False).flatten().tolist() == [21, 11]
    assert cut(values, Window.whole(1, 2), field, is_image=False).flatten().tolist() == [10, 20]


def test_padding_lies_below_and_right():
    slot = torch.zeros(1, 3, 4, dtype=torch.int64)
    write_padded(torch.tensor([[[1, 2], [3, 4]]], dtype=torch.uint8), slot, fill=-1)
    assert slot[0].tolist() == [[1, 2, -1, -1], [3, 4, -1, -1], [-1, -1, -1, -1]]


def test_sources_are_not_written_to():
    picture = torch.arange(48, dtype=torch.float32).reshape(3, 4, 4)
    before = picture.clone()
    slot = torch.empty(3, 4, 4)
    write_padded(cut(picture, Window.whole(4, 4), PLAIN, is_image=True), slot, 0.0)
    slot.zero_()
    assert torch.equal(picture, before)

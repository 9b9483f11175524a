"""What a network says, written as a layout has it, is read back as it was said."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dataloaders import Field
from dataloaders.datasets import cityscapes, nyuv2, taskonomy
from dataloaders.readers import read_coded, read_floats, read_grey8, read_grey16, read_labels
from dataloaders.writing import write_values
from tasks.normals import directions


def random(*shape: int, low: float = -1.0, high: float = 1.0) -> Tensor:
    return torch.empty(shape).uniform_(low, high, generator=torch.Generator().manual_seed(0))


def test_taskonomys_maps(tmp_path: Path) -> None:
    fields = taskonomy.Taskonomy.fields
    labels = torch.arange(17)[None, None]
    path = write_values(tmp_path / "a_seg", fields["seg"], labels)
    assert path.name == "a_seg.png" and torch.equal(taskonomy.decode_labels(read_grey8(path)), labels)
    normals = directions(random(1, 3, 4, 5))[0]
    found = taskonomy.decode_normals(read_coded(write_values(tmp_path / "a_sn", fields["normal"], normals), "RGB"))
    torch.testing.assert_close(found, normals, atol=1 / 255, rtol=0)
    depth = random(1, 4, 5, low=0.4, high=0.9)
    found = taskonomy.decode_depth(read_grey16(write_values(tmp_path / "a_depth", fields["depth"], depth)))
    torch.testing.assert_close(found, depth, atol=1e-2, rtol=0)
    for key, decode in (("keypoint", taskonomy.decode_keypoints), ("edge", taskonomy.decode_edges)):
        response = random(1, 4, 5)
        found = decode(read_grey16(write_values(tmp_path / f"a_{key}", fields[key], response)))
        torch.testing.assert_close(found, response, atol=4e-3, rtol=0)


def test_no_depth_is_written_as_none(tmp_path: Path) -> None:
    path = write_values(tmp_path / "d", taskonomy.Taskonomy.fields["depth"], torch.tensor([[[-3.0, 2.0]]]))
    assert read_grey16(path).tolist() == [[[0, taskonomy.NO_DEPTH - 1]]]


def test_nyuv2s_normals_keep_their_direction_and_are_valid(tmp_path: Path) -> None:
    unit = directions(random(1, 3, 20, 20))[0]
    raw = (unit + 1) * 127.5
    said = directions(raw[None])[0]  # as the loss sees raw normals, BGR
    found = read_coded(write_values(tmp_path / "n", nyuv2.NYUv2.fields["normal"], said)).float()
    assert found.max() < nyuv2.INVALID
    cosine = (directions(found[None])[0] * said).sum(0)
    assert cosine.min() > 0.999 and torch.median(cosine) > 0.99999
    assert (found - raw).abs().amax(0).le(1.5).float().mean() > 0.4  # of the two lengths that fit, the larger


def test_what_a_layout_has_as_arrays(tmp_path: Path) -> None:
    labels = torch.tensor([[[0, 18, 3]]])
    path = write_values(tmp_path / "seg", cityscapes.Cityscapes.fields["seg"], labels)
    assert path.name == "seg.npy" and np.load(path).tolist() == [[0, 18, 3]]
    assert read_floats(write_values(tmp_path / "d", Field(fill=0.0), random(2, 3, 4)), channels=2).shape == (2, 3, 4)
    assert torch.equal(read_labels(write_values(tmp_path / "l", nyuv2.NYUv2.fields["seg"], labels)), labels.byte())


def test_a_folder_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    from configs import UserError

    with pytest.raises(UserError, match="a.npy"):
        write_values(tmp_path / "none" / "a", Field(fill=0.0), torch.zeros(1, 2, 2))

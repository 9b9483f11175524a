"""Normals and depth of rendered rooms agree with each other, and their axes are those of real frames."""

import numpy as np
import pytest
from PIL import Image
from small_rooms import back_project

from dataloaders.rooms.room import render_room


@pytest.fixture(scope="module")
def frames():
    return [render_room(0, "train", index, (48, 64)) for index in range(10)]


def test_normals_follow_from_the_depth(frames):
    angles = []
    for frame in frames:
        points = back_project(frame)
        right, down = points[1:-1, 2:] - points[1:-1, :-2], points[2:, 1:-1] - points[:-2, 1:-1]
        found = np.cross(down, right)
        found /= np.linalg.norm(found, axis=-1, keepdims=True)
        inner = frame.normal[1:-1, 1:-1]
        neighbours = [
            frame.normal[1 + a : 47 + a, 1 + b : 63 + b] for a, b in ((0, 1), (0, -1), (1, 0), (-1, 0))
        ]
        flat = np.all([(inner * other).sum(-1) > 0.9999 for other in neighbours], axis=0)
        # A jump from one surface to another that faces the same way is an edge too: on a plane, 1 / depth is
        # linear in the pixel.
        near = 1 / frame.depth.astype(float)
        flat &= np.abs(near[1:-1, 2:] + near[1:-1, :-2] - 2 * near[1:-1, 1:-1]) < 1e-6
        flat &= np.abs(near[2:, 1:-1] + near[:-2, 1:-1] - 2 * near[1:-1, 1:-1]) < 1e-6
        cosine = (found * inner).sum(-1)[flat]
        angles.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
        assert flat.mean() > 0.3
    assert np.concatenate(angles).max() < 0.1


def test_normals_have_unit_length_and_face_the_camera(frames):
    for frame in frames:
        np.testing.assert_allclose(np.linalg.norm(frame.normal, axis=-1), 1, atol=1e-5)
        assert ((back_project(frame) * frame.normal).sum(-1) < 1e-6).all()


def normals_of(depth: np.ndarray, focal: float) -> tuple[np.ndarray, np.ndarray]:
    """Normals [H, W, 3] from differences over eight pixels, and where they can be trusted."""
    points, step = back_project(FrameLike(depth, focal)), 4
    right, down = (
        np.roll(points, -step, 1) - np.roll(points, step, 1),
        np.roll(points, -step, 0) - np.roll(points, step, 0),
    )
    normal = np.cross(down, right)
    smooth = (np.abs(right[..., 2]) < 0.1) & (np.abs(down[..., 2]) < 0.1) & (depth > 0)
    smooth[:step] = smooth[-step:] = smooth[:, :step] = smooth[:, -step:] = False
    return normal / (np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9), smooth


def test_axes_are_those_of_real_taskonomy_frames(shared):
    root = shared / "data" / "redkitchen" / "redkitchen"
    with Image.open(root / "depth_zbuffer" / "point_0_view_0_domain_depth_zbuffer.png") as image:
        depth = np.asarray(image).astype(float)
    with Image.open(root / "normal" / "point_0_view_0_domain_normal.png") as image:
        coded = np.asarray(image) / 127.5 - 1
    found, smooth = normals_of(np.where(depth < 64500, depth / 512, 0), focal=585 * 256 / 480)
    assert np.median((found * coded).sum(-1)[smooth]) > 0.98


def test_axes_are_those_of_real_nyuv2_frames(shared):
    root = shared / "data" / "nyuv2_samples"
    depth = np.load(root / "depth" / "0774.npy").astype(float)
    with Image.open(root / "normal_mask" / "0774.png") as image:
        right, forward, up = np.moveaxis(np.asarray(image) / 127.5 - 1, -1, 0)
    found, smooth = normals_of(depth, focal=519.0)
    smooth &= np.max([right, forward, up], axis=0) < 1
    assert np.median((found * np.stack([right, up, -forward], -1)).sum(-1)[smooth]) > 0.98


class FrameLike:
    def __init__(self, depth: np.ndarray, focal: float) -> None:
        self.depth, self.focal = depth, focal

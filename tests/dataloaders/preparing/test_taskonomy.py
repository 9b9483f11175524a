"""The index of what the Omnidata downloader fetched."""

import json

import pytest
from small_data import settings, whole_samples
from small_downloads import make_omnidata_download

from configs import UserError
from dataloaders.preparing.running import prepare
from dataloaders.preparing.taskonomy import BUILDINGS, Taskonomy


def test_the_index_leads_to_the_files(tmp_path):
    download = make_omnidata_download(tmp_path)
    prepare(Taskonomy(download), download, workers=0)
    index = json.loads((download / "taskonomy.json").read_text())
    assert [row[0] for row in index["train"]] == [
        f"{building}/rgb/point_7_view_{view}_domain_rgb.png" for building in ("hanson", "merom") for view in (0, 1)
    ]
    assert index["test"][0][1] == "ihlen/segmentsemantic/point_7_view_0_domain_segmentsemantic.png"
    config = settings("taskonomy", download, "data.options.size=4")
    assert len(whole_samples(config, "seg", "normal", "depth", "keypoint", "edge")) == 2


def test_views_that_lack_a_file_are_left_out_and_counted(tmp_path):
    download = make_omnidata_download(tmp_path)
    (download / "normal/taskonomy/merom/point_7_view_1_domain_normal.png").unlink()
    preparation = Taskonomy(download)
    assert prepare(preparation, download, workers=0).samples == {"train": 3, "test": 2}
    assert any("left out for lack of a file in one of the domains: 1 view" in remark for remark in preparation.remarks)


def test_a_domain_that_was_not_fetched_at_all(tmp_path):
    download = make_omnidata_download(tmp_path, ("rgb", "normal", "depth_zbuffer"))
    preparation = Taskonomy(download)
    prepare(preparation, download, workers=0)
    assert "not fetched: segmentsemantic, keypoints2d, edge_texture" in preparation.remarks[0]
    assert len(whole_samples(settings("taskonomy", download, "data.options.size=4"), "normal", "depth")) == 2


def test_the_published_partition():
    assert {split: len(names) for split, names in BUILDINGS.items()} == {"train": 25, "val": 5, "test": 5}
    assert len({name for names in BUILDINGS.values() for name in names}) == 35


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match="has no folder rgb/taskonomy"):
        Taskonomy(tmp_path)
    download = make_omnidata_download(tmp_path)
    for file in download.glob("*/taskonomy/ihlen/*"):
        file.unlink()
    with pytest.raises(UserError, match="no complete view .* split 'test' .*--split test"):
        prepare(Taskonomy(download), download, workers=0)

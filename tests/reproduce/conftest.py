"""Data for plans whose results are looked at: what a result is of, counts its data."""

from pathlib import Path

import pytest
from small_data import make_nyuv2


@pytest.fixture(scope="session")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tiny frames, as the data root of ``nyuv2``."""
    root = tmp_path_factory.mktemp("data") / "nyuv2"
    root.mkdir()
    return make_nyuv2(root)

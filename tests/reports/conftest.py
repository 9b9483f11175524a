"""A similarity.json made by hand, as a fixture and as a file."""

import json

import pytest
from small_reports import similarity_json


@pytest.fixture
def make_json():
    return similarity_json


@pytest.fixture
def write_json(tmp_path):
    def write(contents, name="similarity.json"):
        path = tmp_path / name
        path.write_text(json.dumps(contents))
        return path

    return write

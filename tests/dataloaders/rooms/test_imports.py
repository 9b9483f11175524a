"""The renderer is loaded when rooms are rendered, and at no other time."""

import subprocess
import sys
from pathlib import Path

from small_data import make_nyuv2

import dataloaders

REPOSITORY = Path(dataloaders.__file__).parent.parent

READ = """
import sys
from configs import load_config
from dataloaders import evaluation_loader

root, rooms = sys.argv[1:]
frames = load_config("nyuv2", [f"data.root={root}"])
finished = load_config("sample", [f"data.root={rooms}", "data.options={size: 48}"])
for config in (frames, finished):
    batch = next(iter(evaluation_loader(config, ("seg", "depth"), batch_size=1, num_workers=0)))
    assert batch["seg"].shape[0] == 1
print(sorted(name for name in sys.modules if name.startswith("dataloaders.rooms")))
"""


def test_reading_real_frames_or_finished_rooms_loads_no_renderer(rooms, tmp_path):
    command = [sys.executable, "-c", READ, make_nyuv2(tmp_path), rooms]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "[]\n"

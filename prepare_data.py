"""Make a data set ready from its official download.

    python prepare_data.py --layout nyuv2 --source nyu_depth_v2_labeled.mat --dest data/nyuv2
    python prepare_data.py --layout cityscapes --source downloads/cityscapes --dest data/cityscapes
    python prepare_data.py --layout taskonomy --source omnidata_starter_dataset

docs/data.md says where the downloads are. A second call does only what is missing.
"""

import argparse
from pathlib import Path

from configs.errors import UserError
from configs.flags import Help, Parser, processes, run_script
from dataloaders.preparing.registry import PREPARATIONS, find_preparation
from dataloaders.rendering import usual_workers


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__, formatter_class=Help)
    add = parser.add_argument
    add("--layout", choices=list(PREPARATIONS), required=True, help="which data set it is")
    add("--source", type=Path, required=True, help="the download: nyu_depth_v2_labeled.mat; the folder of leftImg8bit, "
        "gtFine and disparity; or the folder that omnitools.download wrote to")
    add("--splits", type=Path, help="nyuv2: splits.mat; default: the one beside the source")
    add("--classes", type=Path, help="nyuv2: classMapping40.mat; default: the one beside the source")
    add("--dest", type=Path, help="the data root to make; taskonomy: the source itself, whose index is made")
    add("--num_workers", type=processes, default=usual_workers(), help="processes that write; 0: none")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()

    from dataloaders.preparing.running import prepare
    from reports.wording import counted

    kind = find_preparation(arguments.layout)
    files = {name: getattr(arguments, name) for name in ("splits", "classes") if getattr(arguments, name) is not None}
    unused = [name for name in files if name not in kind.takes]
    if unused:
        raise UserError(f"--{unused[0]}: the layout {arguments.layout} takes no such file; leave it out")
    root = arguments.source if kind.in_place and arguments.dest is None else arguments.dest
    if root is None:
        raise UserError("--dest: missing; name the folder to make")
    if kind.in_place and root.resolve() != arguments.source.resolve():
        raise UserError("--dest: the files stay where they are, and their index lies beside them; leave --dest out")

    preparation = kind(arguments.source, **files)
    prepared = prepare(preparation, root, arguments.num_workers)
    samples = ", ".join(f"{number} in {split}" for split, number in prepared.samples.items())
    done = f"wrote {counted(prepared.written, 'frame')}" if prepared.written else "every file was there"
    print(f"{root}: samples in the layout {arguments.layout}: {samples}; {done}")
    if prepared.aside is not None:
        print(f"the index that was there is now {prepared.aside.name}")
    for remark in preparation.remarks:
        print(remark)
    print(f"use it with --dataset {arguments.layout} --data_root {root}")


if __name__ == "__main__":
    run_script(main)

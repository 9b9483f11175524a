"""Render furnished rooms as a small data set in the layout of NYUv2, Cityscapes or Tiny-Taskonomy.

For trying the tool, and for tests, without the real data:

    python make_sample_data.py --layout nyuv2 --num_train 8 --num_test 4 --dest data/rooms
    python static_similarity.py --dataset nyuv2 --data_root data/rooms
"""

import argparse
from pathlib import Path

from configs.errors import UserError
from configs.flags import Help, Parser, positive, processes, run_script, seed
from dataloaders.rendering import PUBLISHED, Rendering, usual_workers

SMALLEST, LARGEST = 16, 4096


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__, formatter_class=Help)
    add = parser.add_argument
    add("--layout", choices=list(PUBLISHED), default="taskonomy", help="how files are laid out and coded")
    add("--num_train", type=positive, default=64, help="training images")
    add("--num_test", type=positive, default=16, help="test images")
    add("--size", type=image_size, metavar="H[,W]", help="pixels; default: the published size of the layout")
    add("--dest", type=Path, help="the folder to make")
    add("--seed", type=seed, default=0, help="other seeds give other rooms")
    add("--num_workers", type=processes, default=usual_workers(), help="processes that render; 0: none")
    add(
        "--contact_sheet",
        type=Path,
        metavar="FILE.png",
        help="draw some rooms and their maps, with or without --dest",
    )
    return parser.parse_args()


def image_size(text: str) -> tuple[int, int]:
    """``128`` or ``480,640`` as height and width."""
    sides = [int(part) if part.strip().isdecimal() else 0 for part in text.split(",")]
    if len(sides) > 2 or not all(SMALLEST <= side <= LARGEST for side in sides):
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a size: H or H,W, for instance 128 or 480,640, each from {SMALLEST} to {LARGEST}"
        )
    return sides[0], sides[-1]


def main() -> None:
    arguments = parse_arguments()
    if arguments.dest is None and arguments.contact_sheet is None:
        raise UserError("--dest: missing; name the folder to make")
    published = PUBLISHED[arguments.layout]
    size = arguments.size or published.size
    if published.square and size[0] != size[1]:
        raise UserError(f"--size: {size[0]},{size[1]} is not square, as images of the layout {arguments.layout} are")

    # The renderer's libraries are loaded only now: --help answers at once, and a wrong flag is told at once.
    from dataloaders.rooms.folder import check_free, render_folder
    from dataloaders.rooms.sheet import draw_contact_sheet

    if arguments.dest is not None:
        dest = arguments.dest.resolve()
        check_free(dest, "--dest")
        rendering = Rendering(arguments.layout, arguments.num_train, arguments.num_test, size, arguments.seed)
        render_folder(dest, rendering, arguments.num_workers)
        print(
            f"wrote {arguments.num_train} training and {arguments.num_test} test images of {size[0]} x {size[1]} "
            f"pixels in the layout {arguments.layout} to {arguments.dest}"
        )
        print(f"use it with --dataset {arguments.layout} --data_root {arguments.dest}")

    if arguments.contact_sheet is not None:
        draw_contact_sheet(arguments.contact_sheet, arguments.seed)
        print(f"wrote {arguments.contact_sheet}")


if __name__ == "__main__":
    run_script(main)

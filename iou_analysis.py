"""Where in the backbone do the tasks stop sharing weights?

Every task keeps the weights that it leans on most at initialisation. On each layer of the backbone, the weights that
all tasks keep are compared with those that any of them keeps: their quotient is the IoU. The watershed is the layer
after which it falls most.
"""

import argparse
from pathlib import Path

from tqdm import tqdm

from configs import UserError, flags
from configs.paths import check_file, prepare_folder, write_text
from prune_utils.scores import snip_scores, xavier_copy
from relatedness.snip.iou import compared_layers, layer_ious, total_iou, watershed
from reports.iou import IoUReport, read_iou
from reports.layer_figures import draw_ious
from runtime import device
from runtime.passes import task_magnitudes
from runtime.provenance import Stopwatch, provenance
from runtime.setup import Setup, prepare


def main() -> None:
    arguments = parse_arguments()
    if arguments.draw:
        draw_together(arguments)
        return
    setup = prepare(arguments)
    if len(setup.tasks) < 2:
        raise UserError("--tasks: the analysis compares tasks; name two or more")
    report = analyse(arguments, setup)
    if setup.runtime.is_main:
        write_text(setup.dest / "iou.json", report.model_dump_json(by_alias=True, indent=1))
        draw_ious([report], setup.dest / "iou.png")
        print(report_text(report))
        print(f"All numbers: {setup.dest / 'iou.json'}\nPicture: {setup.dest / 'iou.png'}")
    device.stop()


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("analysis").add_argument
    add("--keep_ratio", type=float, help="share of weights that each task keeps; default: scoring.iou_keep_ratio")
    add("--num_batches", type=flags.positive, help="batches to score with; default: scoring.iou_batches")
    add("--draw", nargs="+", type=Path, metavar="iou.json", help="only draw these files' analyses together")
    add("--out", type=Path, default=Path("iou_together.png"), help="the picture that --draw makes")
    return parser.parse_args()


def analyse(arguments: argparse.Namespace, setup: Setup) -> IoUReport:
    """Score one network with every task and compare what they keep."""
    scoring, watch = setup.config.scoring, Stopwatch()
    num_batches = arguments.num_batches or scoring.iou_batches
    keep_ratio = scoring.iou_keep_ratio if arguments.keep_ratio is None else arguments.keep_ratio
    if not 0 < keep_ratio <= 1:
        raise UserError(f"--keep_ratio (scoring.iou_keep_ratio): {keep_ratio} is not above 0 and at most 1")
    with watch.stage("scoring"), tqdm(total=num_batches, unit="batch", disable=not setup.runtime.is_main) as bar:
        net = xavier_copy(setup.network(), setup.seed)
        magnitudes = task_magnitudes(setup, net, num_batches=num_batches, seed=setup.seed, bar=bar)
    with watch.stage("comparing"):
        layers = layer_ious(snip_scores(net, magnitudes), compared_layers(net), keep_ratio)
    return IoUReport(
        dataset=setup.config.name,
        tasks=list(setup.tasks),
        keep_ratio=keep_ratio,
        num_batches=num_batches,
        seed=setup.seed,
        layers=layers,
        total=total_iou(layers),
        watershed=watershed(layers),
        config=setup.config.model_dump(mode="json"),
        provenance=provenance(setup.runtime, watch.seconds),
    )


def draw_together(arguments: argparse.Namespace) -> None:
    """One picture of several data sets' analyses."""
    reports = [read_iou(path) for path in arguments.draw]
    prepare_folder(arguments.out.parent, "--out")
    check_file(arguments.out, "--out")
    draw_ious(reports, arguments.out)
    print("\n\n".join(report_text(report) for report in reports))
    print(f"\nPicture: {arguments.out}")


def report_text(report: IoUReport) -> str:
    """The IoU of every layer, of all layers, and the watershed."""
    width = max(len(layer.name) for layer in report.layers)
    lines = [f"{report.dataset}: IoU of {', '.join(report.tasks)} at keep ratio {report.keep_ratio:g}"]
    for layer in report.layers:
        mark = "  <- watershed" if layer.name == report.watershed else ""
        lines.append(f"  {layer.name:<{width}}  {number(layer.iou)}{mark}")
    lines.append(f"  {'all these layers':<{width}}  {number(report.total)}")
    if report.watershed is None:
        lines.append("No watershed: the IoU falls nowhere.")
    return "\n".join(lines)


def number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


if __name__ == "__main__":
    flags.run_script(main)

"""The table of the Meta-Sparse report from a similarity.json, as TSV, Markdown or LaTeX.

Rows are called as in the report, with the name that static_similarity.py has for it in brackets where that is another:
"step (five_zeros)" is --layer_method five_zeros, "MCSS (masked_sals)" is --sim_method masked_sals. A weighting says how
much each layer of the backbone counts in the mean: equal 1; linear its number l, counted from 0; linear_plus_one l + 1;
step 0 for the first five layers, else 1; sparsity the sum of the shares that the two tasks prune of it; min_sparsity
the smaller of the two; epi_like how alike the numbers of weights are that they keep. Markdown and LaTeX say so below.

    python json2tab.py results/nyuv2/similarity.json --format markdown
    python json2tab.py --dataset nyuv2 --compare_paper
"""

import argparse
import sys
from pathlib import Path

from configs import load_config
from configs.flags import Help, Parser, run_script
from configs.paths import check_file, prepare_folder, write_text


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__, formatter_class=Help)
    add = parser.add_argument
    add("json", nargs="?", type=Path, metavar="similarity.json",
        help="what static_similarity.py wrote; default: results/<dataset>/similarity.json")
    add("--dataset", default="sample", help="whose results to read if no file is given; default: sample")
    add("--format", default="tsv", choices=["tsv", "markdown", "latex"], help="default: tsv")
    add("--out", type=Path, help="file to write; default: the terminal")
    add("--compare_paper", action="store_true",
        help="our NYUv2 values beside the published ones, and whether the order of the pairs agrees")
    add("--errors", action="store_true", help="also each value's standard error over seeds, in a column (se) beside it")
    return parser.parse_args()


def results_of(dataset: str) -> Path:
    """Where static_similarity.py puts its results for a data set unless told otherwise."""
    own_file = dataset.endswith((".yaml", ".yml"))
    return Path("results") / (load_config(dataset).name if own_file else dataset) / "similarity.json"


def main() -> None:
    arguments = parse_arguments()
    from reports.similarity.report import read_report
    from reports.similarity.table import explained, in_both_names, table_cells
    from reports.tables import FORMATS
    from reproduce.published.similarity import rows_beside_paper, summary, text_cells

    if arguments.out is not None:
        check_file(arguments.out, "--out")
    report = read_report(arguments.json or results_of(arguments.dataset))
    missing = "" if arguments.format == "tsv" else "n/a"
    if arguments.compare_paper:
        rows = rows_beside_paper(report)
        cells, note = text_cells(rows, missing, arguments.errors), summary(rows)
    else:
        cells, note = table_cells(report, missing, arguments.errors), ""
    if arguments.format != "tsv":  # which programs read
        note = f"{note} {explained(cells)}".strip()
    text = FORMATS[arguments.format](in_both_names(cells), note)
    if arguments.out is None:
        sys.stdout.write(text)
    else:
        prepare_folder(arguments.out.parent, "--out")
        write_text(arguments.out, text)


if __name__ == "__main__":
    run_script(main)

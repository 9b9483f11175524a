"""Files of similarities with numbers that a test knows, and json2tab.py on them."""

import io
import json
import sys
from functools import cache
from itertools import combinations

import pandas as pd

import json2tab
from reports.similarity.report import WEIGHTING_NAMES
from reproduce.published.similarity import published_similarity

SPARSITIES = (30, 50, 70, 90)
LAYERS = (*WEIGHTING_NAMES, "min_sparsity")
METRICS = {"EPI-Sim": "epi", "IOU": "iou", "CSS": "sals", "MCSS": "masked_sals"}


def report_of(value, tasks=("seg", "sn", "depth"), sparsities=SPARSITIES, dataset="nyuv2"):
    """A similarity.json with the entries value(weighting, metric, set, "a/b"), all in the published names."""
    sets = [str(s) for s in sparsities] + ([",".join(map(str, sparsities))] if len(sparsities) > 1 else [])
    table = {
        f"{layer}_X_{sim}": {
            f"s{chosen}_X_{a}_X_{b}": value(WEIGHTING_NAMES.get(layer, layer), metric, chosen, f"{a}/{b}")
            for chosen in sets
            for a, b in combinations(tasks, 2)
        }
        for layer in LAYERS
        for metric, sim in METRICS.items()
    }
    return {
        "schema": 1, "dataset": dataset, "tasks": list(tasks), "sparsities": list(sparsities), "num_seeds": 1,
        "num_batches": 4, "table": table, "stderr": {row: dict.fromkeys(table[row]) for row in table},
        "layers": {"seed": [], "sparsity": [], "pair": [], "layer": []},
    }  # fmt: skip


@cache
def published_numbers():
    return {
        (weighting, metric, frozenset(chosen.split(",")), frozenset(pair.split("/"))): value
        for (weighting, metric, chosen), row in published_similarity().iterrows()
        for pair, value in row.items()
    }


def as_published(weighting, metric, chosen, pair):
    """The published number itself, whatever the order within sets and pairs; 0.5 where there is none."""
    key = (weighting, metric, frozenset(chosen.split(",")), frozenset(pair.split("/")))
    return published_numbers().get(key, 0.5)


def runner(tmp_path, monkeypatch, capsys):
    """Runs the script's main on a report, and gives what it printed; from a fixture with these three."""

    def call(contents, *flags):
        path = tmp_path / "similarity.json"
        path.write_text(contents if isinstance(contents, str) else json.dumps(contents))
        monkeypatch.setattr(sys, "argv", ["json2tab.py", str(path), *flags])
        json2tab.main()
        return capsys.readouterr().out

    return call


FLAGS = {"step": "step (five_zeros)", "sparsity": "sparsity (av_sparsity)", "EPI-Sim": "EPI-Sim (epi)",
         "IOU": "IOU (iou)", "CSS": "CSS (sals)", "MCSS": "MCSS (masked_sals)"}  # fmt: skip


def comparison(text):
    """The table that --compare_paper prints, by published names, and its summary."""
    *lines, summary = text.splitlines()
    frame = pd.read_csv(io.StringIO("\n".join(lines)), sep="\t", dtype={"sparsities": str})
    plain = {flag: name for name, flag in FLAGS.items()}
    return frame.replace(plain).set_index(["weighting", "metric", "sparsities"]), summary

"""How sparse a network is, layer by layer and in all, as a table."""

from collections.abc import Mapping

import pandas as pd

Counts = Mapping[str, tuple[int, int]]
"""Parameter name -> (weights kept, weights in all), as ``apply.kept_counts`` gives it."""


def sparsity_by_layer(counts: Counts) -> pd.DataFrame:
    """One row per layer, under its name without ``.weight``: kept, pruned, weights, sparsity in percent."""
    rows = {name.removesuffix(".weight"): count for name, count in counts.items()}
    return _table(pd.DataFrame.from_dict(rows, orient="index", columns=["kept", "weights"]))


def sparsity_by_part(counts: Counts) -> pd.DataFrame:
    """The same for the backbone, each head and the whole network ("all")."""
    layers = pd.DataFrame.from_dict(dict(counts), orient="index", columns=["kept", "weights"])
    parts = layers.groupby([_part(name) for name in layers.index], sort=False).sum()
    parts.loc["all"] = parts.sum()
    return _table(parts)


def sparsity_text(counts: Counts) -> str:
    """Both tables as one text."""
    layers, parts = sparsity_by_layer(counts), sparsity_by_part(counts)
    whole = pd.concat([layers, parts])
    columns = {name: [f"{value:,}" for value in whole[name]] for name in ("kept", "pruned", "weights")}
    lines = (
        pd.DataFrame({**columns, "sparsity": [f"{value:.2f} %" for value in whole["sparsity"]]}, whole.index)
        .rename_axis("layer", axis="columns")
        .to_string()
        .splitlines()
    )
    return "\n".join([*lines[: len(layers) + 1], "", *lines[len(layers) + 1 :]])


def _table(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "kept": rows["kept"],
            "pruned": rows["weights"] - rows["kept"],
            "weights": rows["weights"],
            "sparsity": 100 * (1 - rows["kept"] / rows["weights"]),
        }
    )


def _part(name: str) -> str:
    """ "backbone", or "heads.seg": a parameter's name begins with the part it belongs to."""
    first, *rest = name.split(".")
    return f"{first}.{rest[0]}" if first == "heads" else first

"""How sparse a network is, layer by layer and in all, as a table."""

from collections.abc import Mapping, Sequence

import pandas as pd

Counts = Mapping[str, tuple[int, int]]
"""Parameter name -> (weights kept, weights in all), as ``apply.kept_counts`` gives it."""
LEAST = 0.01
"""A layer that keeps a smaller share is said to collapse."""
MOST_NAMED = 5


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
    """Both tables as one text; of a network without a pruned weight one line says so."""
    layers, parts = sparsity_by_layer(counts), sparsity_by_part(counts)
    if not parts["pruned"].loc["all"]:
        return f"Dense: all {int(parts['weights'].loc['all']):,} weights of {len(layers)} layers are kept"
    whole = pd.concat([layers, parts])
    columns = {name: [f"{value:,}" for value in whole[name]] for name in ("kept", "pruned", "weights")}
    lines = (
        pd.DataFrame({**columns, "sparsity": [f"{value:.2f} %" for value in whole["sparsity"]]}, whole.index)
        .rename_axis("layer", axis="columns")
        .to_string()
        .splitlines()
    )
    return "\n".join([*lines[: len(layers) + 1], "", *lines[len(layers) + 1 :]])


def collapse_text(counts: Counts) -> str:
    """A warning of layers that keep nothing, through which nothing passes any more, or next to nothing; "" if none do.

    Without a shortcut beside it, an empty layer ends all learning before it.
    """
    layers = sparsity_by_layer(counts)
    shares = layers["kept"] / layers["weights"]
    found = {
        "keep nothing": list(layers.index[shares == 0]),
        f"keep less than {100 * LEAST:g} %": list(layers.index[(shares > 0) & (shares < LEAST)]),
    }
    parts = [f"{len(names)} of {len(layers)} layers {what} ({_some(names)})" for what, names in found.items() if names]
    if not parts:
        return ""
    advice = "a smaller --ratio or a method with a density for each layer (random, rigl, disparse_dynamic) keeps more"
    return f"Warning, layer collapse: {', '.join(parts)}; {advice}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


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

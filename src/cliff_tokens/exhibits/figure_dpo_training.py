"""How the trainings went: loss and held-out margin by step; seeds are averaged when drawn."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cliff_tokens.exhibits import style

_COLUMNS = ["model", "variant", "seed", "split", "step", "pairs", "loss", "margin", "accuracy"]
_PANELS = (
    ("train", "loss", "loss of a step"),
    ("held_out", "loss", "held-out loss"),
    ("held_out", "margin", "held-out margin"),
)


def values(training: pd.DataFrame) -> pd.DataFrame:
    """Rows of the ``training`` tables, labeled by their adapters, with what is shown of them."""
    return training[_COLUMNS].sort_values(_COLUMNS[:5], ignore_index=True)


@style.styled
def draw(values: pd.DataFrame, models: Sequence[str], variants: Sequence[str]) -> Figure:
    """A row of panels for each model; a line for each variant, the mean over its seeds."""
    figure = style.figure(0.75 + 1.6 * len(models))
    grid = figure.subplots(len(models), len(_PANELS), squeeze=False)
    for row, model in zip(grid, models, strict=True):
        of_model = values[values["model"].eq(model)]
        for axes, (split, column, label) in zip(row, _PANELS, strict=True):
            _panel(axes, of_model[of_model["split"].eq(split)], column, variants)
            axes.set(xlabel="step", ylabel=label)
        if len(models) > 1:
            row[0].set_title(model, loc="left", parse_math=False)
    untrained = set(variants) - set(values["variant"])
    handles = [
        style.handle(
            style.VARIANT_COLORS[name],
            style.VARIANT_MARKERS[name],
            "-",
            style.word(name) + (" (no pairs)" if name in untrained else ""),
        )
        for name in variants
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


def _panel(axes: Axes, cell: pd.DataFrame, column: str, variants: Sequence[str]) -> None:
    axes.grid(axis="y")
    if cell.empty:
        style.say_empty(axes, "no pairs")
        return
    for variant in variants:
        of_variant = cell[cell["variant"].eq(variant)]
        line = of_variant.groupby("step")[column].mean()
        color, marker = style.VARIANT_COLORS[variant], style.VARIANT_MARKERS[variant]
        face = style.face(color, of_variant["pairs"].max() if len(of_variant) else 0)
        held_out = cell["split"].eq("held_out").any()
        axes.plot(
            line.index,
            line,
            marker=marker if held_out or len(line) == 1 else "",
            color=color,
            markerfacecolor=face,
            linewidth=0.9,
            markersize=3,
        )

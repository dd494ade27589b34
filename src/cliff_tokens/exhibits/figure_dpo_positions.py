"""Gain in accuracy against the number of tokens that carried loss."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.gains import accuracy_gains, gain_limits
from cliff_tokens.stages.evaluation import BASE, GREEDY
from cliff_tokens.statistics import Intervals


def values(
    evaluation: pd.DataFrame,
    adapters: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    variants: Sequence[str],
    domains: Mapping[str, str],
) -> pd.DataFrame:
    """The gain of greedy answers on every data set, with the variant's ``loss_positions``.

    Args:
        evaluation: rows of the table.
        adapters: model, variant, seed and loss_positions of each.
        intervals: how intervals are made.
        models: rows of panels, in this order.
        variants: points of a panel.
        domains: in domain or out of domain, of each data set.
    """
    frame = accuracy_gains(evaluation, adapters, intervals, models, variants, domains)
    frame = frame[frame["variant"].ne(BASE) & frame["dataset"].isin(list(domains))]
    frame = frame[frame["decoding"].eq(GREEDY)]
    positions = adapters.groupby(["model", "variant"])["loss_positions"].max()
    frame = frame.join(positions, on=["model", "variant"])
    columns = ["model", "dataset", "domain", "variant", "n", "loss_positions"]
    return frame[[*columns, "gain", "gain_low", "gain_high"]].reset_index(drop=True)


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """Rows of panels are models, columns data sets."""
    models, datasets = (list(pd.unique(values[name])) for name in ("model", "dataset"))
    variants = list(pd.unique(values["variant"]))
    width = min(style.PAGE, max(style.COLUMN, 0.6 + 2.1 * len(datasets)))
    figure = style.figure(0.9 + 1.6 * len(models), width)
    grid = figure.subplots(len(models), len(datasets), sharex=True, squeeze=False)
    for row, model in zip(grid, models, strict=True):
        for axes, dataset in zip(row, datasets, strict=True):
            cell = values[values["model"].eq(model) & values["dataset"].eq(dataset)]
            _panel(axes, cell)
            title = f"{dataset}, {cell['domain'].iloc[0]}"
            if len(models) > 1:
                title = f"{style.wrap(model, 18)}\n{title}"
            axes.set_title(title, parse_math=False)
    figure.supxlabel("tokens that carried loss, both sides, all epochs", fontsize=7)
    figure.supylabel("gain over base (points)", fontsize=7)
    handles = [
        style.handle(style.VARIANT_COLORS[name], style.VARIANT_MARKERS[name], "", style.word(name))
        for name in variants
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


def _panel(axes: Axes, cell: pd.DataFrame) -> None:
    axes.axhline(0, color=style.INK, linewidth=0.6, zorder=1)
    axes.grid(axis="y")
    trained = cell[cell["n"].gt(0) & cell["loss_positions"].gt(0)]
    if trained.empty:
        style.say_empty(axes, "nothing was trained")
        return
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    for row in trained.itertuples():
        color, x = style.VARIANT_COLORS[row.variant], row.loss_positions
        if np.isfinite(row.gain_low):
            style.interval(axes, x, 100 * row.gain_low, 100 * row.gain_high, color)
        axes.plot(
            x, 100 * row.gain, style.VARIANT_MARKERS[row.variant], color=color,
            markerfacecolor=style.face(color, row.n), markersize=4, zorder=3,
        )  # fmt: skip
    axes.set_ylim(*gain_limits(*axes.get_ylim()))

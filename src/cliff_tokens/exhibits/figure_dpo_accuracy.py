"""Accuracy after training on each set of pairs: the paired difference from base."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.gains import accuracy_gains, gain_limits, gains_by_seed
from cliff_tokens.stages.evaluation import BASE
from cliff_tokens.statistics import Intervals

_COLUMNS = [
    "model", "dataset", "domain", "decoding", "variant", "seed", "n", "seeds", "gain", "gain_low",
    "gain_high", "p_holm",
]  # fmt: skip


def values(
    evaluation: pd.DataFrame,
    adapters: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    variants: Sequence[str],
    domains: Mapping[str, str],
) -> pd.DataFrame:
    """Rows of ``accuracy_gains`` without base (``seed`` null), then those of each seed.

    Args:
        evaluation: rows of the table.
        adapters: what was trained: model, variant, seed and ``weights``, a hash.
        intervals: how intervals are made.
        models: rows of panels, in this order.
        variants: lines of a panel, in this order.
        domains: in domain or out of domain, of each data set.
    """
    pooled = accuracy_gains(evaluation, adapters, intervals, models, variants, domains)
    pooled = pooled[pooled["variant"].ne(BASE) & pooled["dataset"].isin(list(domains))]
    single = gains_by_seed(evaluation, models, variants)
    frame = pd.concat([pooled.assign(seed=pd.NA), single], ignore_index=True)
    frame["seed"] = frame["seed"].astype("Int64")
    frame["domain"] = frame["dataset"].map(dict(domains))
    frame[["n", "seeds"]] = frame[["n", "seeds"]].astype("Int64")
    return frame[_COLUMNS]


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """Rows of panels are models, columns ways of asking; a line for each variant."""
    pooled = values[values["seed"].isna()]
    models, variants = (list(pd.unique(pooled[name])) for name in ("model", "variant"))
    ways = pooled[["dataset", "domain", "decoding"]].drop_duplicates()
    figure = style.figure(0.75 + len(models) * (0.5 + 0.17 * len(variants)))
    grid = figure.subplots(len(models), len(ways), sharex="col", sharey=True, squeeze=False)
    for row, model in zip(grid, models, strict=True):
        for axes, cell in zip(row, ways.itertuples(), strict=True):
            of_cell = values[
                values["model"].eq(model)
                & values["dataset"].eq(cell.dataset)
                & values["decoding"].eq(cell.decoding)
            ]
            _panel(axes, of_cell, variants)
            n = of_cell["n"].max()
            title = f"{cell.dataset}\n{cell.domain}\n{cell.decoding}, n = {n}"
            if len(models) > 1:
                title = f"{style.wrap(model, 18)}\n{title}"
            axes.set_title(title, fontsize=6.5, parse_math=False)
    figure.supxlabel("gain in accuracy over base (percentage points)", fontsize=7)
    seeds = style.handle(style.FAINT, "|", "", "single training seeds")
    figure.legend(handles=[seeds, style.few("problems")], loc="outside upper right", ncols=2)
    return figure


def _panel(axes: Axes, cell: pd.DataFrame, variants: Sequence[str]) -> None:
    axes.axvline(0, color=style.INK, linewidth=0.6, zorder=1)
    for place, variant in enumerate(variants):
        of_variant = cell[cell["variant"].eq(variant)]
        row = of_variant[of_variant["seed"].isna()].iloc[0]
        color = style.VARIANT_COLORS[variant]
        if not row["n"]:
            axes.annotate(
                "no pairs", (0, place), (3, 0), textcoords="offset points", va="center",
                color=style.FAINT, fontsize=6,
            )  # fmt: skip
            continue
        ends = 100 * np.array([row["gain_low"], row["gain_high"]], dtype=float)
        if np.isfinite(ends).all():
            axes.plot(ends, [place, place], color=color, linewidth=1.1, solid_capstyle="butt")
        single = of_variant[of_variant["seed"].notna()]
        if len(single) > 1:
            axes.plot(100 * single["gain"], [place] * len(single), "|", color=color, markersize=5)
        axes.plot(
            100 * row["gain"], place, style.VARIANT_MARKERS[variant], color=color,
            markerfacecolor=style.face(color, row["n"]), markersize=4, zorder=3,
        )  # fmt: skip
    axes.set_yticks(range(len(variants)), [style.word(name) for name in variants])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(variants) - 0.4, -0.6)
    axes.set_xlim(*gain_limits(*axes.get_xlim()))
    axes.xaxis.set_major_locator(MaxNLocator(2, min_n_ticks=2))
    axes.grid(axis="x")

"""Figures 16 and 17: pass@k with the cliff token deleted and kept, beside control tokens."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cells import OUTCOMES, cells
from cliff_tokens.statistics import (
    DIFFERENCE,
    SHARE,
    Intervals,
    cluster_bootstrap,
    pass_at_k,
    powers_of_two,
)
from cliff_tokens.tables import PLACE, among

ARMS = ("del", "keep", "control_del", "control_keep")
# Differences cliff by cliff: of the two arms, of those of its control, and of these two.
CONTRASTS = ("del_less_keep", "control_del_less_keep", "cliff_less_control")
OF_CLIFF = ("del", "keep", "del_less_keep")  # the other rows are about controls
LIMITS = dict(zip(CONTRASTS, (DIFFERENCE, DIFFERENCE, (-2.0, 2.0)), strict=True))


def values(
    resampling: pd.DataFrame,
    cliffs: pd.DataFrame,
    outcome: str,
    intervals: Intervals,
    models: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """Mean pass@k over the cliffs on traces of one outcome, per model, data set, arm and k.

    k takes the powers of two up to the number of rollouts. A cliff that lacks an arm (no control
    token was found) counts in the other arms only. Below the arms stand their ``CONTRASTS``, means
    of paired differences, and ``n`` counts pairs. ``cliffs`` are those of the n tokens that are
    cliffs themselves, of the controls where the row is about these: a control may be one.

    Args:
        resampling: counts of the arms of every cliff.
        cliffs: the cliffs that were resampled.
        outcome: of the traces that the cliffs are on, correct or incorrect.
        intervals: how intervals are made.
        models: in the order of the rows.
        datasets: the same.
    """
    ks = powers_of_two(resampling["rollouts"])
    controls = resampling[resampling["arm"].eq("control_del")]
    places = controls.assign(t=controls["prefix_t"] + 1)
    flagged = pd.Series(among(places, cliffs, PLACE), index=controls["cliff_id"])
    rows = []
    axes = {"model": models, "dataset": datasets}
    for labels, cell in cells(_join_arms(resampling, cliffs, outcome), **axes):
        problems = cell.drop_duplicates("cliff_id").set_index("cliff_id")["problem_id"]
        rates = _rates(cell, ks)
        for arm, rate in (rates | _contrasts(rates)).items():
            limits = SHARE if arm in ARMS else LIMITS[arm]
            cluster = problems.loc[rate.index]
            low, high = cluster_bootstrap(rate.to_numpy(), cluster, intervals, limits=limits)
            of_cliff = len(rate) if arm in OF_CLIFF else int(flagged.loc[rate.index].sum())
            rows += [
                {
                    "outcome": outcome,
                    **labels,
                    "arm": arm,
                    "k": k,
                    "n": len(rate),
                    "cliffs": of_cliff,
                    "problems": cluster.nunique(),
                    "mean": rate[k].mean(),
                    "mean_low": low[i],
                    "mean_high": high[i],
                }
                for i, k in enumerate(ks)
            ]
    return pd.DataFrame(rows)


def _rates(cell: pd.DataFrame, ks: Sequence[int]) -> dict[str, pd.DataFrame]:
    """pass@k of every cliff [cliffs, k], by arm."""
    rates = {}
    for arm in ARMS:
        counts = cell[cell["arm"].eq(arm)].set_index("cliff_id")
        columns = {
            k: pass_at_k(counts["successes"].to_numpy(), counts["rollouts"].to_numpy(), k)
            for k in ks
        }
        rates[arm] = pd.DataFrame(columns, index=counts.index)
    return rates


def _contrasts(rates: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Differences of arms, cliff by cliff; those that lack an arm are left out."""
    of_cliff = rates["del"].sub(rates["keep"]).dropna()
    of_control = rates["control_del"].sub(rates["control_keep"]).dropna()
    both = of_cliff.index.intersection(of_control.index)
    beyond = of_cliff.loc[both] - of_control.loc[both]
    return dict(zip(CONTRASTS, (of_cliff, of_control, beyond), strict=True))


def _join_arms(resampling: pd.DataFrame, cliffs: pd.DataFrame, outcome: str) -> pd.DataFrame:
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome must be one of {OUTCOMES}, found {outcome!r}")
    unknown = set(resampling["cliff_id"]) - set(cliffs["cliff_id"])
    if unknown:
        raise ValueError(f"{min(unknown)}: was resampled but is not among the cliffs")
    chosen = cliffs.loc[
        cliffs["outcome"].eq(outcome), ["cliff_id", "model", "dataset", "problem_id"]
    ]
    return resampling[["cliff_id", "arm", "successes", "rollouts"]].merge(chosen, on="cliff_id")


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """Data sets in rows, models in columns; k on a logarithmic axis."""
    models, datasets = (list(pd.unique(values[name])) for name in ("model", "dataset"))
    width = min(style.PAGE, max(style.COLUMN, 0.6 + 2.0 * len(models)))
    height = 1.35 if len(models) > 3 else 1.6
    figure = style.figure(0.8 + height * len(datasets), width)
    grid = figure.subplots(len(datasets), len(models), sharex=True, sharey=True, squeeze=False)
    for row, dataset in zip(grid, datasets, strict=True):
        for axes, model in zip(row, models, strict=True):
            cell = values[values["model"].eq(model) & values["dataset"].eq(dataset)]
            _panel(axes, cell, roomy=len(models) <= 3)
        row[0].set_ylabel(f"{dataset}\npass@k", parse_math=False)
    for axes, model in zip(grid[0], models, strict=True):
        above = f"{style.wrap(model, 14)}\n{axes.get_title()}"
        axes.set_title(above, parse_math=False)
    figure.supxlabel("k      (n = cliffs / control tokens)", fontsize=7)
    handles = [
        style.handle(style.ARM_COLORS[arm], style.ARM_MARKERS[arm], style.ARM_DASHES[arm], label)
        for arm, label in (
            ("del", "cliff deleted"),
            ("keep", "cliff kept"),
            ("control_del", "control deleted"),
            ("control_keep", "control kept"),
        )
    ]
    columns = 2 if width < 4 else 4
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, handlelength=2.6)
    return figure


def _panel(axes: Axes, cell: pd.DataFrame, roomy: bool) -> None:
    ks = np.unique(cell["k"])
    axes.set_xscale("log", base=2)
    axes.set_xticks(ks, minor=False)
    shown = ks if roomy else ks[::2]
    axes.set_xticklabels([str(k) if k in shown else "" for k in ks])
    axes.tick_params(axis="x", which="minor", length=0)
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", ".5", "", "1"])
    axes.grid()
    counts = {arm: int(cell.loc[cell["arm"].eq(arm), "n"].max()) for arm in ARMS}
    axes.set_title(f"n = {counts['del']} / {counts['control_del']}", fontsize=6.5, pad=3)
    if not any(counts.values()):
        outcome = cell["outcome"].iloc[0]
        style.say_empty(axes, f"no cliffs on {outcome} traces")
        return
    # Controls first: they lie behind what they are compared with.
    for arm in reversed(ARMS):
        line = cell[cell["arm"].eq(arm)].sort_values("k")
        if not counts[arm]:
            continue
        color = style.ARM_COLORS[arm]
        axes.fill_between(
            line["k"], line["mean_low"], line["mean_high"], color=color, alpha=0.15, linewidth=0
        )
        axes.plot(
            line["k"],
            line["mean"],
            color=color,
            linestyle=style.ARM_DASHES[arm],
            marker=style.ARM_MARKERS[arm],
            markersize=2.6,
            markerfacecolor=style.face(color, counts[arm]),
            markeredgewidth=0.8,
        )

"""The null of Figures 2 and 3: cliffs on incorrect and on correct traces, seen and expected.

A trace that passes a cliff ends incorrect with probability 1 - V_t, where V_t is the potential
after the cliff token, whatever a cliff means. The expected numbers of cliffs on incorrect and on
correct traces are therefore sum(1 - V_t) and sum V_t, over all cliffs. What cliffs have to do with
failure is what is seen beyond that.

V_t is that of the arm that keeps the cliff token. Its rollouts did not select the cliff; the count
that did is low by selection. The identity is exact where nothing that selected the cliff depends
on how its own trace went on, as with independent rollouts. Recursion estimates the potential from
the trace's own end, so that there it is an approximation.

Cliffs of one trace share its outcome, so that their number is no sum of independent draws. The
*first* cliffs of traces are: whether a trace fails after its first cliff is a draw with chance
1 - V_t, independent of the others. Their number on incorrect traces is Poisson-binomial, which
gives an exact p but for the noise of V_t itself (a variance larger by one in N of the rollouts).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cells import OUTCOMES, POOLED, cells, mean_columns, problems_of
from cliff_tokens.exhibits.prevalence import (
    OFFSETS,
    dataset_panels,
    label_models,
    mark,
    outcome_handles,
)
from cliff_tokens.statistics import Intervals

_TICK = 0.13  # half the width of the line at what is expected


def values(
    cliffs: pd.DataFrame,
    resampling: pd.DataFrame,
    intervals: Intervals,
    models: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """A row for every model and data set, pooled over both.

    ``n`` counts cliffs and ``problems`` those they are on. ``excess`` is what is seen on incorrect
    traces less what is expected there, and so the shortfall on correct ones; its interval resamples
    problems, what is seen and what is expected together. Where all cliffs are on traces of one
    outcome there is none: no resample could show a shortfall. The same of the first cliffs of
    traces is ``first``, ``first_incorrect`` and ``first_expected``; ``p`` is the chance that as
    many of them or more are on incorrect traces.

    Args:
        cliffs: the cliffs, with the outcome of their trace.
        resampling: counts of the arms of every cliff.
        intervals: how intervals are made.
        models: in the order of the rows.
        datasets: the same.
    """
    kept = resampling[resampling["arm"].eq("keep")].set_index("cliff_id")
    potential = cliffs["cliff_id"].map(kept["successes"] / kept["rollouts"])
    if potential.isna().any():
        first = cliffs.loc[potential.isna(), "cliff_id"].iloc[0]
        raise ValueError(f"{first}: was not resampled with its token kept; resample the cliffs")
    rows = cliffs[["model", "dataset"]].assign(
        first=cliffs["ordinal"].eq(1),
        cluster=problems_of(cliffs),
        seen=cliffs["outcome"].eq("incorrect").astype(float),
        expected=1 - potential,
    )
    axes = {"model": models, "dataset": datasets}
    return pd.DataFrame(
        {**labels, **compare(cell, intervals)}
        for labels, cell in cells(rows, pooled=["model", "dataset"], **axes)
    )


def compare(cell: pd.DataFrame, intervals: Intervals) -> dict:
    """Columns of one cell; rows are cliffs with ``seen`` and ``expected`` on incorrect traces."""
    first = cell[cell["first"]]
    n, seen, expected = len(cell), cell["seen"].sum(), cell["expected"].sum()
    mean = mean_columns("excess", cell["seen"] - cell["expected"], cell["cluster"], intervals)
    if seen in (0, n):
        mean |= {"excess_low": np.nan, "excess_high": np.nan}
    return {
        "n": n,
        "problems": cell["cluster"].nunique(),
        "seen_incorrect": int(seen),
        "seen_correct": n - int(seen),
        "expected_incorrect": float(expected),
        "expected_correct": n - float(expected),
        **{name: n * value for name, value in mean.items()},
        "first": len(first),
        "first_incorrect": int(first["seen"].sum()),
        "first_expected": float(first["expected"].sum()),
        "p": at_least(first["expected"].to_numpy(), int(first["seen"].sum())),
    }


def at_least(chances: np.ndarray, count: int) -> float:
    """Chance that ``count`` or more of independent draws succeed; NaN where there are none."""
    if not len(chances):
        return np.nan
    return float(np.clip(scipy.stats.poisson_binom(chances).sf(count - 1), 0, 1))


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """Cliffs seen by model and outcome, each beside a line at what is expected."""
    values = values[values["model"].ne(POOLED)]
    figure, grid = dataset_panels(values, "number of cliffs")
    places = [f"{what}_{outcome}" for what in ("seen", "expected") for outcome in OUTCOMES]
    reach = values["expected_incorrect"] + values["excess_high"]
    top = 1.08 * np.nanmax([*values[places].to_numpy().ravel(), *reach], initial=1)
    for axes, panel in grid:
        _panel(axes, panel)
        axes.set_ylim(-0.03 * top, top)
    expected = style.handle(style.INK, label="expected")
    handles = [*outcome_handles(), expected, style.few("problems")]
    columns = 4 if figure.get_figwidth() > style.COLUMN else 2
    figure.legend(handles=handles, loc="outside upper center", ncols=columns)
    return figure


def _panel(axes: Axes, panel: pd.DataFrame) -> None:
    labels = []
    for place, row in enumerate(panel.to_dict("records")):
        labels.append(f"n = {row['n']}\n{style.wrap(row['model'], 14)}")
        if not row["n"]:
            style.say_none(axes, place, "no cliffs")
            continue
        for outcome, offset in OFFSETS.items():
            x, color = place + offset, style.OUTCOME_COLORS[outcome]
            expected = row[f"expected_{outcome}"]
            bounds = [expected + row["excess_low"], expected + row["excess_high"]]
            if outcome == "correct":
                bounds = [expected - row["excess_high"], expected - row["excess_low"]]
            style.interval(axes, x, *bounds, color)
            axes.hlines(expected, x - _TICK, x + _TICK, color=style.INK, linewidth=1, zorder=4)
            mark(axes, x, row[f"seen_{outcome}"], outcome, row["problems"])
    label_models(axes, labels)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))

"""Precision and recall of what every estimator would flag, in simulated passes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cells import POOLED, cells, mean_columns
from cliff_tokens.exhibits.estimator_errors import INDEPENDENT
from cliff_tokens.exhibits.truths import true_drops, with_audited, with_kinds
from cliff_tokens.stages.passes import AUDITED, CATALOGUES
from cliff_tokens.stages.taxonomy import KINDS
from cliff_tokens.statistics import SHARE, Intervals, percentile_interval
from cliff_tokens.tables import PLACE, among

RATES = ("precision", "recall")
_OFFSETS = np.linspace(-0.3, 0.3, len(CATALOGUES))


def values(
    cliffs: pd.DataFrame,
    audit: pd.DataFrame,
    reference: pd.DataFrame,
    simulated_flags: pd.DataFrame,
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    estimators: Sequence[str],
    repetitions: int,
    margin: float,
    certain: float,
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """A row for every catalogue, model and kind, the last of both pooled.

    Every catalogue was simulated, whether the run drew it or not. ``flags`` and ``false_flags`` are
    means over repetitions on the same traces, with the interval that holds the repetitions;
    ``precision`` and ``recall`` are of all repetitions together, and their intervals resample
    problems. ``real`` columns are of the rollouts that were drawn, and empty where none were.

    Args:
        cliffs: of all estimators that were run, told apart by the column ``estimator``.
        audit: of the cliffs of the estimator independent, if it was run.
        reference: its estimates, from which flags were simulated.
        simulated_flags: rows of the table.
        traces: rows of the table.
        tokens: scores, which say of which kind a token would be.
        estimators: those that were run.
        repetitions: how often each was simulated.
        margin: of the rule; a drop above it is true.
        certain: probability from which on a token's entropy is low.
        intervals: how intervals are made.
        models: rows of the result, in this order.
    """
    truths = true_drops(reference, traces, margin, intervals.confidence)
    truths = with_kinds(truths, tokens, certain).reset_index(drop=True)
    places = truths[PLACE].assign(place=truths.index)
    simulated_flags = simulated_flags.merge(places, on=PLACE, validate="m:1")
    cliffs, run = with_audited(cliffs, audit, estimators)
    rows = []
    axes = {"model": models, "kind": KINDS}
    for catalogue in CATALOGUES:
        flags = simulated_flags[simulated_flags["estimator"].eq(catalogue)]
        flagged = np.zeros((repetitions, len(truths)), dtype=bool)
        flagged[flags["repetition"], flags["place"]] = True
        in_fact = among(truths, cliffs[cliffs["estimator"].eq(catalogue)], PLACE)
        for labels, cell in cells(truths, pooled=list(axes), **axes):
            true = cell["true"].to_numpy()
            inside = flagged[:, cell.index]
            row = {"estimator": catalogue, **labels, "n": len(cell), "true_drops": int(true.sum())}
            for name, part in (("flags", slice(None)), ("false_flags", ~true)):
                flags = inside[:, part].sum(axis=1)
                low, high = percentile_interval(flags, intervals.confidence)
                row |= {name: flags.mean(), f"{name}_low": float(low), f"{name}_high": float(high)}
                real = int(in_fact[cell.index][part].sum())
                row[f"real_{name}"] = real if catalogue in run else pd.NA
            found = pd.Series(inside.mean(axis=0) * true, cell.index)
            for name, of in (("precision", inside.mean(axis=0)), ("recall", true.astype(float))):
                weights = pd.Series(of, cell.index)
                row |= mean_columns(name, found, cell["cluster"], intervals, weights, SHARE)
            rows.append(row)
    made = pd.DataFrame(rows)
    return made.astype({"real_flags": "Int64", "real_false_flags": "Int64"})


@style.styled
def draw(values: pd.DataFrame) -> Figure:
    """A column for each model: precision above, recall below, by kind."""
    values = values[values["model"].ne(POOLED)]
    models = list(pd.unique(values["model"]))
    kinds = [*style.shown_kinds(values.loc[values["flags"].gt(0), "kind"]), POOLED]
    figure = style.figure(3.6, min(style.PAGE, max(style.COLUMN, 0.6 + 2.4 * len(models))))
    grid = figure.subplots(len(RATES), len(models), sharex="col", sharey="row", squeeze=False)
    for column, model in enumerate(models):
        of_model = values[values["model"].eq(model)]
        for axes, rate in zip(grid[:, column], RATES, strict=True):
            _panel(axes, of_model, rate, kinds)
        true = of_model[of_model["estimator"].eq(INDEPENDENT)].set_index("kind")["true_drops"]
        labels = [f"{style.word(kind)}\n{true[kind]} true" for kind in kinds]
        if len(models) > 2:  # beside each other they would touch
            turned = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
            labels = [label.replace("\n", ", ") for label in labels]
        else:
            turned = {}
        grid[-1, column].set_xticks(range(len(kinds)), labels, **turned)
        grid[0, column].set_title(style.wrap(model, 20), parse_math=False)
    for axes, rate in zip(grid[:, 0], RATES, strict=True):
        axes.set_ylabel(f"{rate} (share)")
    handles = [style.handle(*_look(name), "", name) for name in CATALOGUES]
    handles.append(style.few("true drops"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3 if len(models) > 1 else 2)
    return figure


def _panel(axes: Axes, cell: pd.DataFrame, rate: str, kinds: Sequence[str]) -> None:
    for name, offset in zip(CATALOGUES, _OFFSETS, strict=True):
        color, marker = _look(name)
        of_catalogue = cell[cell["estimator"].eq(name)].set_index("kind")
        for place, kind in enumerate(kinds):
            row = of_catalogue.loc[kind]
            style.interval(axes, place + offset, row[f"{rate}_low"], row[f"{rate}_high"], color)
            axes.plot(
                place + offset, row[rate], marker, color=color, markersize=4, zorder=3,
                markerfacecolor=style.face(color, row["true_drops"]), clip_on=False,
            )  # fmt: skip
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlim(-0.6, len(kinds) - 0.4)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y")


def _look(name: str) -> tuple[str, str]:
    if name == AUDITED:
        return style.VARIANT_COLORS[name], style.VARIANT_MARKERS[name]
    return style.ESTIMATOR_COLORS[name], style.ESTIMATOR_MARKERS[name]

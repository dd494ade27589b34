"""Figure 4: the cliff mass of one model by kind, and what becomes of it in another model.

The model is the source of the first pair; the other one is its evaluator, in both directions where
both are asked for. The parts are those of Figures 5 and 11.
"""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cliff_mass import by_kind, mass_handles, mass_panel
from cliff_tokens.exhibits.confirmation import confirmed_by_cliff
from cliff_tokens.exhibits.transfer import MASS, change_panel, changes, kind_handles, title
from cliff_tokens.stages.cliff_test import CliffTest

Pairs = Sequence[Sequence[str]]


def values(
    masses: pd.DataFrame,
    agreement: pd.DataFrame,
    cliffs: pd.DataFrame,
    members: pd.DataFrame,
    resampling: pd.DataFrame,
    test: CliffTest,
    pairs: Pairs,
) -> pd.DataFrame:
    """Rows of Figure 5 for one model (part a), and of Figure 11 for its pair (part b).

    Args:
        masses: cliff mass of every cliff in every reading.
        agreement: probability and rank of the cliffs, their candidates and controls in evaluators.
        cliffs: the cliffs of the sources.
        members: candidates that lead over a cliff.
        resampling: the arms of each cliff, which confirm it or do not.
        test: the rule.
        pairs: source and evaluator; the first pair is shown.
    """
    shown = _shown(pairs)
    words = confirmed_by_cliff(cliffs, resampling, test)
    rows = by_kind(masses, words)
    masses = rows[rows["model"].isin([source for source, _ in shown[:1]])]
    change = changes(agreement, cliffs, members, words)
    pair = pd.MultiIndex.from_frame(change[["source", "evaluator"]])
    change = change[pair.isin(shown) & change["measure"].eq("mass")]
    return pd.concat([masses.assign(part="a"), change.assign(part="b")], ignore_index=True)


@style.styled
def draw(values: pd.DataFrame, pairs: Pairs) -> Figure:
    """Cliff mass at the left, its change in each direction beside it."""
    shown = _shown(pairs)
    figure = style.figure(2.6)
    grid = figure.subplots(1, 1 + max(1, len(shown)), squeeze=False)[0]
    if not shown:
        for axes in grid:
            axes.set_axis_off()
        style.say_empty(grid[0], "no pair of models is compared")
        return figure
    masses, change = (values[values["part"].eq(part)] for part in "ab")
    mass_panel(grid[0], masses)
    grid[0].set_title(f"(a) {shown[0][0]}", parse_math=False)
    grid[0].set_ylabel("cliff mass")
    for axes, (source, evaluator) in zip(grid[1:], shown, strict=True):
        axes.sharey(grid[1])
        cells = change[change["source"].eq(source) & change["evaluator"].eq(evaluator)]
        change_panel(axes, cells, MASS)
        axes.set_title(f"(b) {title(source, evaluator)}", parse_math=False)
        axes.set_xlabel("n cliffs")
    grid[1].set_ylabel("change of the cliff mass")
    entries = [*mass_handles(), *kind_handles(change)]
    figure.legend(handles=entries, loc="outside upper center", ncols=4)
    return figure


def _shown(pairs: Pairs) -> list[tuple[str, str]]:
    """The first pair, and the same models the other way round if that is a pair too."""
    first = [set(pairs[0])] if len(pairs) else []
    return [(source, evaluator) for source, evaluator in pairs if {source, evaluator} in first]

"""Figure 11: change of the cliff mass from source to evaluator, by kind and direction.

Below it, what the paper does not show: the change in the probability of the cliff token itself,
beside that of its control, which carries the same regression toward the mean.
"""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.confirmation import confirmed_by_cliff
from cliff_tokens.exhibits.transfer import (
    MASS,
    TOKEN,
    change_panel,
    changes,
    kind_handles,
    side_by_side,
    title,
)
from cliff_tokens.stages.cliff_test import CliffTest

_COLUMNS = 4


def values(
    agreement: pd.DataFrame,
    cliffs: pd.DataFrame,
    members: pd.DataFrame,
    resampling: pd.DataFrame,
    test: CliffTest,
) -> pd.DataFrame:
    """Rows of ``changes``.

    Args:
        agreement: probability and rank of the cliffs, their candidates and controls in evaluators.
        cliffs: the cliffs of the sources.
        members: candidates that lead over a cliff.
        resampling: the arms of each cliff, which confirm it or do not.
        test: the rule.
    """
    return changes(agreement, cliffs, members, confirmed_by_cliff(cliffs, resampling, test))


@style.styled
def draw(values: pd.DataFrame, pairs: Sequence[Sequence[str]]) -> Figure:
    """A column for each ordered pair: cliff mass above, the token and its control below."""
    pairs = side_by_side(pairs)
    blocks, columns = style.grid_shape(max(1, len(pairs)), _COLUMNS)
    width = min(style.PAGE, max(style.COLUMN, 0.6 + 2.4 * columns))
    figure = style.figure(0.6 + 3.6 * blocks, width)
    grid = figure.subplots(2 * blocks, columns, squeeze=False, sharey="row")
    for axes in grid.flat:
        axes.set_axis_off()
    for place, (source, evaluator) in enumerate(pairs):
        row, column = 2 * (place // columns), place % columns
        cells = values[values["source"].eq(source) & values["evaluator"].eq(evaluator)]
        for axes, measures in ((grid[row, column], MASS), (grid[row + 1, column], TOKEN)):
            axes.set_axis_on()
            change_panel(axes, cells, measures)
        grid[row, column].set_title(title(source, evaluator), parse_math=False)
    for upper, lower in zip(grid[::2, 0], grid[1::2, 0], strict=True):
        upper.set_ylabel("change of the cliff mass")
        lower.set_ylabel("change of the token's\nprobability")
    if not pairs:
        style.say_empty(grid[0, 0], "no pair of models is compared")
    control = style.handle(style.TOKEN_COLORS["control"], "o", "", "control")
    entries = [
        *kind_handles(values),
        style.unconfirmed(),
        control,
        style.handle(style.INK, "", "-", "median"),
    ]
    columns = len(entries) if width > 4 else 3
    figure.legend(handles=entries, loc="outside upper center", ncols=columns)
    figure.supxlabel("n, below: cliffs | controls", fontsize=7)
    return figure

"""Figure 5: the probability that members carry at a cliff, by kind."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.cliff_mass import by_kind, mass_handles, mass_panel
from cliff_tokens.exhibits.confirmation import confirmed_by_cliff
from cliff_tokens.stages.cliff_test import CliffTest

_COLUMNS = 4


def values(
    masses: pd.DataFrame, cliffs: pd.DataFrame, resampling: pd.DataFrame, test: CliffTest
) -> pd.DataFrame:
    """Rows of ``by_kind``; ``resampling`` holds the arms that confirm a cliff or do not."""
    return by_kind(masses, confirmed_by_cliff(cliffs, resampling, test))


@style.styled
def draw(values: pd.DataFrame, models: Sequence[str]) -> Figure:
    """A panel for each model."""
    rows, columns = style.grid_shape(max(1, len(models)), _COLUMNS)
    width = min(style.PAGE, max(style.COLUMN, 0.6 + 2.2 * columns))
    figure = style.figure(0.55 + 1.9 * rows, width)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes in grid.flat[len(models) :]:
        axes.set_axis_off()
    for axes, model in zip(grid.flat, models, strict=False):
        mass_panel(axes, values[values["model"].eq(model)])
        axes.set_title(style.wrap(model, 22), parse_math=False)
    for axes in grid[:, 0]:
        axes.set_ylabel("cliff mass")
    figure.legend(handles=mass_handles(), loc="outside upper center", ncols=len(mass_handles()))
    return figure

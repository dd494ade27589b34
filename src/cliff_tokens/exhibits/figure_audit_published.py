"""Drops of the cliffs in published rollouts against 1 - q_t, which no true drop can exceed."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from cliff_tokens.exhibits import figure_audit
from cliff_tokens.stages.cliff_test import CliffTest


def values(audit: pd.DataFrame) -> pd.DataFrame:
    """The rows of the audit, with what this figure shows of them.

    ``fresh_drop`` is that of the other counts in the forced runs around a cliff, null where there
    are none.
    """
    return figure_audit.values(audit.rename(columns={"rest_drop": "fresh_drop"}))


def draw(values: pd.DataFrame, models: Sequence[str], test: CliffTest) -> Figure:
    """A panel for each model: the drop that selected a cliff, and that of counts beside it."""
    return figure_audit.draw_panels(values, models, test, "rest of both runs")

"""Mean mass, number of members and entropy at cliffs, per model, kind and reading."""

from collections.abc import Sequence

import pandas as pd

from cliff_tokens.exhibits.cells import cells, mean_columns, median_columns, problems_of
from cliff_tokens.stages.masses import READINGS
from cliff_tokens.stages.taxonomy import KINDS
from cliff_tokens.statistics import COUNT, SHARE, Intervals

# Columns whose means are shown, and where these can lie.
_MEANS = {"cliff_mass": SHARE, "other_mass": SHARE, "cliff_candidates": COUNT, "entropy": COUNT}


def values(masses: pd.DataFrame, intervals: Intervals, models: Sequence[str]) -> pd.DataFrame:
    """A row for every model, kind and reading, pooled over models and over kinds.

    ``cliff_mass_median`` stands beside the mean, since the paper quotes medians.
    """
    masses = masses.sort_values("cliff_id", kind="stable")
    axes = {"model": models, "kind": KINDS, "reading": READINGS}
    rows = []
    for labels, cell in cells(masses, pooled=["model", "kind"], **axes):
        problem = problems_of(cell)
        row = {**labels, "n": len(cell), "problems": problem.nunique()}
        row |= median_columns("cliff_mass_median", cell["cliff_mass"], problem, intervals, SHARE)
        for name, limits in _MEANS.items():
            row |= mean_columns(name, cell[name], problem, intervals, limits=limits)
        rows.append(row)
    return pd.DataFrame(rows)

"""How the evaluator ranks the source's cliffs and their controls, per ordered pair and kind."""

from collections.abc import Sequence

import pandas as pd

from cliff_tokens.exhibits.cells import cells, mean_columns, median_columns, share_columns
from cliff_tokens.exhibits.transfer import beside_controls, mass_changes
from cliff_tokens.stages.taxonomy import KINDS
from cliff_tokens.statistics import Intervals


def values(
    agreement: pd.DataFrame,
    cliffs: pd.DataFrame,
    members: pd.DataFrame,
    intervals: Intervals,
    pairs: Sequence[Sequence[str]],
) -> pd.DataFrame:
    """A row for every pair and kind.

    ``n`` counts cliffs and ``controls`` those that have one; ``difference`` and
    ``shift_difference`` are means over the latter, cliff minus control. ``first`` counts tokens
    that the evaluator ranks first. ``delta`` is the change of the cliff mass (mean, and median).

    Args:
        agreement: probability and rank of the cliffs, their candidates and controls in evaluators.
        cliffs: the cliffs of the sources.
        members: candidates that lead over a cliff.
        intervals: how intervals are made.
        pairs: source and evaluator, in the order of the rows.
    """
    joined = beside_controls(agreement, cliffs).merge(
        mass_changes(agreement, members), on=["cliff_id", "evaluator"], how="left", validate="1:1"
    )
    joined["difference"] = joined["first"] - joined["control_first"]
    joined["shift_difference"] = joined["shift"] - joined["control_shift"]
    rows = []
    for source, evaluator in pairs:
        of_pair = joined[joined["source"].eq(source) & joined["evaluator"].eq(evaluator)]
        for labels, cell in cells(of_pair, pooled=["kind"], kind=KINDS):
            row = {"source": source, "evaluator": evaluator, **labels}
            rows.append(row | _compare(cell, intervals))
    return pd.DataFrame(rows)


def _compare(cell: pd.DataFrame, intervals: Intervals) -> dict:
    """Columns of the cliffs of one pair and kind."""
    control = cell[cell["control_first"].notna()]

    def share(name: str, rows: pd.DataFrame, column: str) -> dict:
        return share_columns(name, rows[column], rows["cluster"], intervals)

    def mean(column: str, rows: pd.DataFrame) -> dict:
        return mean_columns(column, rows[column], rows["cluster"], intervals)

    return {
        "n": len(cell),
        "first": int(cell["first"].sum()),
        **share("share_first", cell, "first"),
        "controls": len(control),
        "control_first": int(control["control_first"].sum()),
        **share("control_share_first", control, "control_first"),
        **mean("difference", control),
        **mean("shift", cell),
        **mean("control_shift", control),
        **mean("shift_difference", control),
        **mean("delta", cell),
        **median_columns("delta_median", cell["delta"], cell["cluster"], intervals),
    }

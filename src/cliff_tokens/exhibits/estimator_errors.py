"""What every estimator costs, and how far from the reference it lies."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import cells, mean_columns, owned
from cliff_tokens.exhibits.cost_model import count_drawn
from cliff_tokens.statistics import Intervals
from cliff_tokens.tables import PLACE

INDEPENDENT = "independent"


def compare_errors(
    estimates: pd.DataFrame,
    potential: pd.DataFrame,
    branches: pd.DataFrame,
    reference: pd.DataFrame,
    traces: pd.DataFrame,
    rounds: Mapping[str, Sequence[str]],
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """Cost and root mean square error of every estimator, per model and pooled.

    ``cost`` is its generated tokens over those of ``independent``, and ``cost_at_equal_error`` the
    same had both spent what gives one error (which falls as one over the root of what is spent).

    Args:
        estimates: of all estimators, told apart by the column ``estimator``.
        potential: rollouts that were drawn, without columns where there is no such table.
        branches: branches that were drawn, of all rounds (column ``draws``).
        reference: its estimates, with errors that are not smoothed.
        traces: those of the reference; what was estimated and drawn of others is left out.
        rounds: the draws that each estimator is made of; estimators in the order of the rows.
        intervals: how intervals are made.
        models: rows of the result, in this order.
    """
    estimates = estimates[estimates["trace_id"].isin(traces["trace_id"])]
    parts = []
    for estimator in rounds:
        of_estimator = estimates[estimates["estimator"].eq(estimator)]
        part = square_errors(of_estimator, reference)
        if not len(part) == len(reference) == len(of_estimator):
            raise ValueError(
                f"{estimator}: estimates and reference are not of the same tokens; "
                "estimate the potential again"
            )
        parts.append(owned(part, traces).assign(estimator=estimator))
    errors, drawn = pd.concat(parts, ignore_index=True), count_drawn(potential, branches, traces)
    by_model = [cells(frame, pooled=["model"], model=models) for frame in (errors, drawn)]
    rows = []
    for (labels, errors_here), (_, drawn_here) in zip(*by_model, strict=True):
        for estimator, draws in rounds.items():
            cell = errors_here[errors_here["estimator"].eq(estimator)]
            spent = drawn_here[drawn_here["draws"].isin(draws)]
            square = mean_columns("rmse", cell["error"], cell["cluster"], intervals)
            rows.append(
                {
                    **labels,
                    "estimator": estimator,
                    "n": len(cell),
                    "rollouts": int(spent["rollouts"].sum()),
                    "generated_tokens": int(spent["generated_tokens"].sum()),
                    **{name: float(np.sqrt(max(value, 0))) for name, value in square.items()},
                }
            )
    compared = pd.DataFrame(rows)
    base = compared[compared["estimator"].eq(INDEPENDENT)].set_index("model")
    of_base = {name: compared["model"].map(base[name]) for name in ("generated_tokens", "rmse")}
    compared["cost"] = compared["generated_tokens"] / of_base["generated_tokens"]
    compared["cost_at_equal_error"] = compared["cost"] * (compared["rmse"] / of_base["rmse"]) ** 2
    return compared


def square_errors(estimates: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Squared distance of the potential before every token from the reference's, column ``error``.

    The reference's own variance is taken off, so that its noise is not charged to the estimator.
    With errors of ``recursion.unsmoothed_errors`` the mean is unbiased, and single ones can be
    negative; with smoothed ones too much would be taken off.
    """
    columns = [*PLACE, "before"]
    joined = estimates[columns].merge(
        reference[[*columns, "before_se"]], on=PLACE, validate="1:1", suffixes=("", "_reference")
    )
    square = (joined["before"] - joined["before_reference"]) ** 2
    return joined[PLACE].assign(error=square - joined["before_se"] ** 2)

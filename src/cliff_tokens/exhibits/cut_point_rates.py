"""pass@k after cutting incorrect traces at a cliff and elsewhere (paper, RQ1).

Two readings of a trace without a cut point stand side by side. *Published*: the method scores zero
there, so that in a population of traces with a cliff the cliff alone never misses. *Fair*: the
trace is left out, and two methods are compared on the traces where both have a cut point.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cliff_tokens import statistics
from cliff_tokens.exhibits.cells import cells, mean_columns, problems_of, share_columns
from cliff_tokens.stages.cut_points import METHODS
from cliff_tokens.statistics import COUNT, DIFFERENCE, SHARE, Intervals
from cliff_tokens.tables import PLACE

RIVALS = ("critical", "tangent", "random")  # the paper's; "restart" is ours
# Which incorrect traces are compared, and which cliff stands for deletion at a cliff.
POPULATIONS = {
    "population_tangent": "cliff_first",
    "cliff_first": "cliff_first",
    "cliff_random": "cliff_random",
    "all_failure": "cliff_first",
}

Rates = Mapping[tuple[str, int], pd.Series]


def compare_methods(
    cut_points: pd.DataFrame,
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    intervals: Intervals,
    ks: Sequence[int],
    models: Sequence[str],
    pooled: Sequence[str] = ("model",),
) -> pd.DataFrame:
    """pass@k of every method in the four populations, per model and over all models.

    ``n`` counts the traces of the population and ``with_cut`` those where the method has a cut
    point; their share bounds ``published``. ``fair`` is the mean over those, and ``potential`` the
    mean of what was estimated at their cut points before: it is what pass@1 measures anew.
    ``per_1000_tokens`` are the successes there for 1,000 tokens that their rollouts generated.
    ``difference`` is that of the cliff less the method, over the ``pairs`` of traces where both
    have a cut point.

    Args:
        cut_points: rows of the table, one for each incorrect trace and method.
        estimates: those that the cut points were read off.
        traces: rows of the table; correct ones are left out.
        intervals: how intervals are made.
        ks: numbers of rollouts that pass@k is of.
        models: rows of the result, in this order.
        pooled: empty leaves out the rows over all models.
    """
    failed = incorrect_traces(traces)
    rates = rates_of(cut_points, failed, ks)
    estimated = _potentials(cut_points, estimates, failed["trace_id"])
    counts = _counts(cut_points, failed["trace_id"])
    rows = []
    for population, cliff in POPULATIONS.items():
        members = failed[in_population(rates, population)]
        for labels, cell in cells(members, pooled, model=models):
            cluster = cell["cluster"]

            def mean(name: str, of: pd.Series, limits, cluster=cluster) -> dict:
                return mean_columns(name, of, cluster[of.index], intervals, limits=limits)

            for method in (cliff, *RIVALS, "restart"):
                for k in ks:
                    rate, of_cliff = rates[method, k][cell.index], rates[cliff, k][cell.index]
                    has_cut = rate.notna()
                    # A method is no rival of itself.
                    paired = has_cut & of_cliff.notna() & (method != cliff)
                    drawn = counts[method].loc[cell.index][has_cut].astype(float)
                    productive = mean_columns(
                        "per_1000_tokens", 1000 * drawn["successes"], cluster[has_cut],
                        intervals, drawn["generated_tokens"], COUNT,
                    )  # fmt: skip
                    potential = estimated[method][cell.index][has_cut]
                    difference = (of_cliff - rate)[paired]
                    rows.append(
                        {
                            "population": population,
                            **labels,
                            "method": method,
                            "k": k,
                            "n": len(cell),
                            "with_cut": int(has_cut.sum()),
                            **share_columns("share_with_cut", has_cut, cluster, intervals),
                            **mean("potential", potential, SHARE),
                            **mean("published", rate.fillna(0.0), SHARE),
                            **mean("fair", rate[has_cut], SHARE),
                            **productive,
                            "pairs": int(paired.sum()),
                            **mean("difference", difference, DIFFERENCE),
                        }
                    )
    return pd.DataFrame(rows)


def incorrect_traces(traces: pd.DataFrame) -> pd.DataFrame:
    """The traces that are cut: trace_id, model, dataset, problem_id and cluster, sorted."""
    columns = ["trace_id", "model", "dataset", "problem_id"]
    failed = traces.loc[traces["verdict"].ne("correct"), columns]
    failed = failed.sort_values("trace_id", ignore_index=True)
    return failed.assign(cluster=problems_of(failed))


def rates_of(cut_points: pd.DataFrame, failed: pd.DataFrame, ks: Sequence[int]) -> Rates:
    """pass@k of the incorrect traces by method and k; NaN where there is no cut point."""
    keys = pd.MultiIndex.from_frame(cut_points[["trace_id", "method"]])
    wanted = pd.MultiIndex.from_product([failed["trace_id"], METHODS])
    if not keys.sort_values().equals(wanted.sort_values()):
        odd = keys.symmetric_difference(wanted)
        raise ValueError(
            f"cut_points: expected one row for each incorrect trace and method, found otherwise "
            f"for {odd[0] if len(odd) else 'a row that is repeated'}; resample the cut points again"
        )
    rates = {}
    for method in METHODS:
        counts = cut_points[cut_points["method"].eq(method)].set_index("trace_id")
        counts = counts.loc[failed["trace_id"], ["successes", "rollouts"]]
        has_cut = counts["rollouts"].notna().to_numpy()
        drawn = counts[has_cut].astype("int64")
        for k in ks:
            column = np.full(len(counts), np.nan)
            column[has_cut] = statistics.pass_at_k(
                drawn["successes"].to_numpy(), drawn["rollouts"].to_numpy(), k
            )
            rates[method, k] = pd.Series(column)
    return rates


def in_population(rates: Rates, population: str) -> pd.Series:
    """Which incorrect traces belong to a population."""
    has_cut = {method: rate.notna() for (method, _), rate in rates.items()}
    if population == "all_failure":
        return pd.Series(True, index=has_cut["random"].index)
    if population == "population_tangent":
        return has_cut["cliff_first"] & has_cut["critical"] & has_cut["tangent"]
    return has_cut[population]


def extremes(cut_points: pd.DataFrame) -> list[int]:
    """1 and the largest k of which every row can tell pass@k."""
    drawn = cut_points["rollouts"].dropna()
    return sorted({1, int(drawn.min())}) if len(drawn) else [1]


def _counts(cut_points: pd.DataFrame, trace_ids: pd.Series) -> dict[str, pd.DataFrame]:
    """Successes and generated tokens from each trace's cut point, by method; null without one."""
    columns = ["successes", "generated_tokens"]
    return {
        method: cut_points[cut_points["method"].eq(method)]
        .set_index("trace_id")
        .loc[trace_ids, columns]
        .reset_index(drop=True)
        for method in METHODS
    }


def _potentials(
    cut_points: pd.DataFrame, estimates: pd.DataFrame, trace_ids: pd.Series
) -> dict[str, pd.Series]:
    """The potential estimated at each trace's cut point, by method."""
    before = estimates.set_index(PLACE)["before"]
    potentials = {}
    for method in METHODS:
        cut = cut_points[cut_points["method"].eq(method)].set_index("trace_id")["prefix_t"]
        # The prefix t is the one before the token t + 1.
        token = cut.loc[trace_ids].astype(float) + 1
        at = pd.MultiIndex.from_arrays([trace_ids, token])
        potentials[method] = pd.Series(before.reindex(at).to_numpy())
    return potentials

"""What training each variant took, beside what it took to find the cliffs it is trained on."""

from collections.abc import Mapping

import pandas as pd

from cliff_tokens.exhibits.cost_model import ESTIMATORS, costs_of_traces, count_drawn, was_drawn
from cliff_tokens.stages.estimators import Protocol

COUNTED, PREDICTED, NOT_NEEDED = "counted", "predicted", "not needed"


def values(
    adapters: pd.DataFrame,
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    potential: pd.DataFrame,
    branches: pd.DataFrame,
    candidates: pd.DataFrame,
    forks: pd.DataFrame,
    protocol: Protocol,
    variants: Mapping[str, str | None],
) -> pd.DataFrame:
    """A row for every model that has adapters and every variant.

    Rollouts of an estimator that was not run are predicted (``cost_model``), as its ``source``
    says. ``pair_rollouts`` are those that sides of pairs were measured with: candidates, less what
    another table had, or forks. Pairs, positions and detection are
    those of one adapter.

    Args:
        adapters: model, variant, seed, pairs, loss_positions, steps.
        traces: those of the training set.
        tokens: scores of the same traces.
        potential: independent rollouts that were drawn on them; no files where none were.
        branches: likewise of the recursion, of all its rounds.
        candidates: those at the cliffs of every catalogue (column ``estimator``).
        forks: counts at forks; no files where no variant needs them.
        protocol: N of both estimators.
        variants: the catalogue that each is trained on; null where it needs no cliffs.
    """
    costs = costs_of_traces(traces, tokens, protocol)
    drawn = count_drawn(potential, branches, traces)
    was_run = {"independent": was_drawn(potential), "recursive": was_drawn(branches)}
    draws = {
        "independent": drawn["draws"].eq("independent"),
        "recursive": drawn["draws"].ne("independent"),  # of all rounds
    }
    rows = []
    for model in pd.unique(adapters["model"]):
        detection = {}
        for estimator in ESTIMATORS:
            if was_run[estimator]:
                # A model whose traces left no choice has no rows: none were drawn.
                spent = drawn[drawn["model"].eq(model) & draws[estimator]]
                counts = spent["rollouts"].sum(), spent["generated_tokens"].sum(), COUNTED
            else:
                spent = costs[costs["model"].eq(model)]
                sums = (spent[f"{estimator}_{what}"].sum() for what in ("rollouts", "tokens"))
                counts = *sums, PREDICTED
            columns = (f"{estimator}_{what}" for what in ("rollouts", "tokens", "source"))
            detection |= zip(columns, counts, strict=True)
        unneeded = {name: NOT_NEEDED if name.endswith("source") else 0 for name in detection}
        for variant, catalogue in variants.items():
            trained = adapters[adapters["model"].eq(model) & adapters["variant"].eq(variant)]
            spent_on_cliffs = unneeded if catalogue is None else detection
            read = forks if variant == "forks" else candidates
            fresh = 0 if catalogue is None else _drawn_rollouts(read, model, catalogue)
            rows.append(
                {
                    "model": model,
                    "variant": variant,
                    "seeds": len(trained),
                    "pairs": int(trained["pairs"].max()),
                    "loss_positions": int(trained["loss_positions"].max()),
                    "steps": int(trained["steps"].max()),
                    **spent_on_cliffs,
                    "pair_rollouts": fresh,
                }
            )
    return pd.DataFrame(rows)


def _drawn_rollouts(rows: pd.DataFrame, model: str, catalogue: str) -> int:
    rows = rows[rows["model"].eq(model) & rows["estimator"].eq(catalogue)]
    return int(rows["rollouts"].sum() - (rows["reused"].sum() if "reused" in rows else 0))

"""Cliff mass and expected potential had the next token alone been drawn at a temperature."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import cells, mean_columns, problems_of
from cliff_tokens.stages.taxonomy import KINDS
from cliff_tokens.statistics import SHARE, Intervals
from cliff_tokens.tables import among

_KEY = ["cliff_id", "token_id"]


def values(
    candidates: pd.DataFrame,
    members: pd.DataFrame,
    cliffs: pd.DataFrame,
    temperatures: Sequence[float],
    intervals: Intervals,
    models: Sequence[str],
) -> pd.DataFrame:
    """Means over the cliffs of a model and kind; members are those of the published reading.

    Probabilities are renormalized over the candidates, and everything after that token is as the
    rollouts had it.

    Args:
        candidates: tokens that could stand in a cliff's place, and where they lead.
        members: those of them that lead over the cliff.
        cliffs: the cliffs that the candidates stand at.
        temperatures: 0 takes the most probable token.
        intervals: how intervals are made.
        models: in the order of the rows.
    """
    temperatures = [float(temperature) for temperature in temperatures]
    weighed = _weigh(candidates, members, temperatures).merge(
        cliffs[["cliff_id", "model", "dataset", "problem_id", "kind"]], on="cliff_id"
    )
    weighed["cluster"] = problems_of(weighed)
    axes = {"model": models, "kind": KINDS, "temperature": temperatures}
    return pd.DataFrame(
        {
            **labels,
            "n": len(cell),
            **_mean("cliff_mass", cell, intervals),
            **_mean("potential", cell, intervals),
        }
        for labels, cell in cells(weighed, pooled=["kind"], **axes)
    )


def _mean(column: str, cell: pd.DataFrame, intervals: Intervals) -> dict:
    return mean_columns(column, cell[column], cell["cluster"], intervals, limits=SHARE)


def _weigh(
    candidates: pd.DataFrame, members: pd.DataFrame, temperatures: Sequence[float]
) -> pd.DataFrame:
    """Cliff mass and potential of every cliff at every temperature."""
    published = members[members["reading"].eq("published")]
    rows = candidates.assign(
        is_member=among(candidates, published, _KEY),
        potential=candidates["successes"] / candidates["rollouts"],
    ).sort_values(["cliff_id", "rank", "token_id"])
    parts = []
    for temperature in temperatures:
        weight = rows.groupby("cliff_id")["probability"].transform(
            lambda p, temperature=temperature: tempered(p.to_numpy(), temperature)
        )
        at = pd.DataFrame(
            {
                "cliff_id": rows["cliff_id"],
                "cliff_mass": weight * rows["is_member"],
                "potential": weight * rows["potential"],
            }
        )
        sums = at.groupby("cliff_id", as_index=False).sum()
        parts.append(sums.assign(temperature=temperature))
    return pd.concat(parts)


def tempered(probability: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities [candidates] at another temperature, renormalized over the candidates.

    Temperature 0 puts everything on the most probable one (the first in a tie).
    """
    probability = np.asarray(probability, dtype=float)
    if temperature == 0:
        return (np.arange(len(probability)) == probability.argmax()).astype(float)
    logs = np.log(probability) / temperature
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()

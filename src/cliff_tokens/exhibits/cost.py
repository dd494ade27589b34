"""What rollouts will cost, from traces and their scores, before any rollout is drawn.

A trace and a rollout from one of its prefixes are draws of the same sampler, so its own remaining
length T - t is an unbiased estimate of the rollout's: N rollouts at every prefix are expected to
generate N T (T + 1) / 2 tokens. The same holds for branches. The token x_t and the first token of
a branch are two draws given that they differ, so either could have been the trace's; and at a
prefix with n_t = N (1 - q_t) branches, n_t (T - t) is expected to be what they generate after it.
No correction factor is needed: what is predicted is right on average over traces, though not for
each. Only the rounding of n_t to whole branches is left out of account.

Before there are traces, ``plan`` puts assumptions in their place: how long responses are and how
much they differ, how often the sampler has a choice, and how many cliffs there will be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cliff_tokens import statistics
from cliff_tokens.exhibits.summaries import POOLED, names_or_all, owners_of
from cliff_tokens.stages import recursion
from cliff_tokens.statistics import Intervals

ESTIMATORS = ("independent", "recursive")


def predict(
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    rollouts: int,
    tokens_per_second: float | None,
    intervals: Intervals,
    models: Sequence[str] | None = None,
    datasets: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Rollouts, generated tokens and hours of one device, per model, data set and estimator.

    ``n`` counts traces, ``tokens`` theirs. Rollouts are exact. The interval of generated tokens
    resamples problems: it is of such problems rather than of these. Hours are empty without a
    speed.
    """
    per_trace = _per_trace(traces, tokens, rollouts)
    models = names_or_all(models, traces["model"])
    datasets = names_or_all(datasets, traces["dataset"])
    rows = []
    for model, dataset, cell in _cells(per_trace, models, datasets):
        for name in ESTIMATORS:
            generated = cell[f"{name}_tokens"]
            row = {
                "model": model,
                "dataset": dataset,
                "estimator": name,
                "n": len(cell),
                "tokens": int(cell["tokens"].sum()),
                "rollouts": int(cell[f"{name}_rollouts"].sum()),
                "generated_tokens": int(generated.sum()),
            }
            low, high = _sum_interval(generated, cell["cluster"], intervals)
            row |= {"generated_tokens_low": low, "generated_tokens_high": high}
            for end in ("", "_low", "_high"):
                generated = row[f"generated_tokens{end}"]
                row[f"hours{end}"] = generated / (tokens_per_second or np.nan) / 3600
            rows.append(row)
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Assumptions:
    """What is reckoned with before anything is measured; the same for all models."""

    spread: float  # standard deviation of a data set's response lengths, in shares of their mean
    choices: float  # share of tokens at which the sampler has a choice: q_t < 1
    leaving: float  # mean of 1 - q_t at those
    cliffs: float  # cliffs in a trace
    incorrect: float  # share of traces that are


@dataclass(frozen=True)
class Budget:
    """Rollouts at a cliff and at a cut point, as the run's configuration has them."""

    resampling: int  # in each arm
    candidates: int  # after each of the ``top`` most probable tokens
    top: int
    cut_points: int


@dataclass(frozen=True)
class Work:
    """What a run does with the answers to one data set, for one purpose."""

    purpose: str
    dataset: str
    expected: Mapping | None  # ``problems`` and mean ``tokens`` of a response; None: not known
    answers: int  # to each problem, of all models and adapters
    stages: Sequence[str]
    rollouts: int = 0  # N of the potential
    catalogues: int = 1  # of cliffs that are resampled and have candidates


def plan(
    works: Sequence[Work],
    limit: int | None,
    budget: Budget,
    assumed: Assumptions,
    tokens_per_second: float | None,
) -> pd.DataFrame:
    """Rollouts, generated tokens and hours of one device, per purpose, stage and data set.

    Where nothing is expected of a data set its rows are empty, and the sums too; ``limit`` is on
    problems. Reading is left out (scores, agreement, training): a token that is read costs little
    beside one that is written. With E T^2 = (1 + spread^2) (E T)^2, cliffs lying anywhere:

    | stage | rollouts of a trace | tokens of each, on average |
    |---|---|---|
    | traces | 1, the trace | T |
    | independent | N at each of T prefixes | (T + 1) / 2, longer traces counting for more |
    | recursive | N (1 - q_t), and 1/2 for rounding up, where q_t < 1 | (T - 1) / 2, likewise |
    | resampling | those of an arm, four times for each cliff | T / 2 |
    | candidates | after each of the most probable tokens at each cliff | T / 2 |
    | cut_points | of an incorrect trace: four cuts, the bare prompt among them | 5 T / 8 |

    Candidates and cut points take over what other stages drew, so that theirs are upper bounds.
    """
    cells = pd.DataFrame(
        [
            {
                "purpose": work.purpose,
                "stage": stage,
                "dataset": work.dataset,
                "n": count,
                "rollouts": count * drawn,
                "generated_tokens": count * generated,
            }
            for work in works
            for count in [_answers(work, limit)]
            for stage, (drawn, generated) in _stages(work, budget, assumed).items()
            if stage in work.stages
        ]
    )
    numbers = ["n", "rollouts", "generated_tokens"]
    sums = cells.groupby(["purpose", "stage"], sort=False, as_index=False)[numbers].agg(
        lambda column: column.sum(skipna=False)
    )
    planned = pd.concat([cells, sums.assign(dataset=POOLED)], ignore_index=True)
    planned["hours"] = planned["generated_tokens"] / (tokens_per_second or np.nan) / 3600
    planned[numbers] = planned[numbers].round().astype("Int64")
    return planned


def _answers(work: Work, limit: int | None) -> float:
    if work.expected is None:
        return np.nan
    return min(work.expected["problems"], limit or np.inf) * work.answers


def _stages(work: Work, budget: Budget, assumed: Assumptions) -> dict[str, tuple[float, float]]:
    """Rollouts, and tokens that they generate, of one trace in each stage."""
    length = work.expected["tokens"] if work.expected else np.nan
    square = length**2 * (1 + assumed.spread**2)
    branches = assumed.choices * (work.rollouts * assumed.leaving + 0.5)
    cliffs = assumed.cliffs * work.catalogues
    arms = 4 * budget.resampling * cliffs
    candidates = budget.top * budget.candidates * cliffs
    cuts = 4 * budget.cut_points * assumed.incorrect
    return {
        "traces": (1, length),
        "independent": (work.rollouts * length, work.rollouts * (square + length) / 2),
        "recursive": (branches * length, branches * (square - length) / 2),
        "resampling": (arms, arms * length / 2),
        "candidates": (candidates, candidates * length / 2),
        "cut_points": (cuts, cuts * length * 5 / 8),
    }


def compare(predicted: pd.DataFrame, counts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Predictions beside the counts of the rollouts that were drawn.

    ``counts`` holds rows of ``potential`` (independent) and of ``branches`` (recursive), for the
    estimators that were run; ``ratio`` is tokens used over tokens predicted.
    """
    used = []
    for name, drawn in counts.items():
        (owners,) = owners_of(drawn)
        found = drawn[["rollouts", "generated_tokens"]].reset_index(drop=True)
        found = found.assign(model=owners["model"], dataset=_dataset(drawn), estimator=name)
        pooled = found.assign(dataset=POOLED)
        used.append(pd.concat([found, pooled]))
    keys = ["model", "dataset", "estimator"]
    sums = pd.concat(used).groupby(keys)[["rollouts", "generated_tokens"]].sum()
    both = predicted.join(sums.add_prefix("used_"), on=keys)
    both["ratio"] = both["used_generated_tokens"] / both["generated_tokens"]
    whole = ["used_rollouts", "used_generated_tokens"]
    both[whole] = both[whole].astype("Int64")
    return both


def _per_trace(traces: pd.DataFrame, tokens: pd.DataFrame, rollouts: int) -> pd.DataFrame:
    length = traces.set_index("trace_id")["token_ids"].map(len)
    n = recursion.branches_of(tokens["sampler_probability"].to_numpy(), rollouts)
    remaining = tokens["trace_id"].map(length).to_numpy() - tokens["t"].to_numpy()
    branches = pd.DataFrame(
        {"trace_id": tokens["trace_id"], "rollouts": n, "tokens": n * remaining.astype("int64")}
    )
    branches = branches.groupby("trace_id").sum().reindex(length.index)
    scored = tokens["trace_id"].value_counts().reindex(length.index, fill_value=0)
    if (scored != length).any():
        first = length.index[scored != length][0]
        raise ValueError(
            f"{first}: expected scores of {length[first]} tokens, found {scored[first]}; "
            "score the traces again"
        )
    return pd.DataFrame(
        {
            "model": traces["model"].to_numpy(),
            "dataset": traces["dataset"].to_numpy(),
            "cluster": (traces["dataset"] + "/" + traces["problem_id"]).to_numpy(),
            "tokens": length.to_numpy(),
            "independent_rollouts": rollouts * length.to_numpy(),
            "independent_tokens": rollouts * (length * (length + 1) // 2).to_numpy(),
            "recursive_rollouts": branches["rollouts"].to_numpy(),
            "recursive_tokens": branches["tokens"].to_numpy(),
        }
    )


def _cells(per_trace: pd.DataFrame, models: Sequence[str], datasets: Sequence[str]):
    for model in models:
        for dataset in [*datasets, POOLED]:
            inside = per_trace["dataset"].isin(datasets if dataset == POOLED else [dataset])
            yield model, dataset, per_trace[inside & (per_trace["model"] == model)]


def _sum_interval(
    values: pd.Series, clusters: pd.Series, intervals: Intervals
) -> tuple[float, float]:
    if clusters.nunique() < 2:
        return np.nan, np.nan
    sums = statistics.resampled_sums(
        values.to_numpy()[:, None], clusters, intervals.repetitions, intervals.seed
    )
    low, high = statistics.percentile_interval(sums[:, 0], intervals.confidence)
    return float(low), float(high)


def _dataset(drawn: pd.DataFrame) -> pd.Series:
    return drawn["trace_id"].str.split("/", n=2).str[1].reset_index(drop=True)

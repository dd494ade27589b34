"""Cost of a run, predicted from its configuration alone, before anything is measured.

Assumptions stand in the place of traces: how long responses are and how much they differ, how often
the sampler has a choice, and how many cliffs there will be. Reading is left out (scores, agreement,
training): a token that is read costs little beside one that is written. With
E T^2 = (1 + spread^2) (E T)^2, cliffs lying anywhere:

| stage | rollouts of a trace | tokens of each, on average |
|---|---|---|
| traces | 1, the trace | T |
| independent | N at each of T prefixes | (T + 1) / 2, longer traces counting for more |
| recursive | N (1 - q_t), and 1/2 for rounding up, where q_t < 1 | (T - 1) / 2, likewise |
| resampling | those of an arm, four times for each cliff | T / 2 |
| candidates | after each of the most probable tokens at each cliff | T / 2 |
| forks | after both sides of a fork at each cliff, where a variant is made of them | T / 2 |
| cut_points | of an incorrect trace: four cuts, the bare prompt among them | 5 T / 8 |

Candidates and cut points take over what other stages drew, so that theirs are upper bounds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import POOLED
from cliff_tokens.exhibits.cost_model import hours


@dataclass(frozen=True)
class TraceSet:
    """Traces in which a run looks for cliffs.

    Attributes:
        models: models that write them.
        datasets: data sets whose problems they answer.
        samples: traces of each problem.
        rollouts: N of independent.
        branches: N of the recursion.
        catalogues: estimators whose cliffs are resampled and have candidates.
        estimators: those that are drawn.
        subset: most problems of a data set on which independent is run; of others, all.
    """

    models: Sequence[str]
    datasets: Sequence[str]
    samples: int
    rollouts: int
    branches: int
    catalogues: Sequence[str]
    estimators: Sequence[str]
    subset: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Budget:
    """Rollouts at a cliff and at a cut point.

    Attributes:
        resampling: rollouts of each arm.
        candidates: rollouts after each of the most probable tokens.
        top: how many tokens these are.
        cut_points: rollouts from each cut point.
    """

    resampling: int
    candidates: int
    top: int
    cut_points: int


@dataclass(frozen=True)
class Assumptions:
    """What is reckoned with before anything is measured, of all models alike.

    Attributes:
        spread: standard deviation of a data set's response lengths, in shares of their mean.
        choices: share of tokens at which the sampler has a choice, q_t < 1.
        leaving: mean probability 1 - q_t, at those, of another token than the trace's.
        cliffs: cliffs in a trace.
        incorrect: share of traces that are incorrect.
    """

    spread: float
    choices: float
    leaving: float
    cliffs: float
    incorrect: float


@dataclass(frozen=True)
class Work:
    """What a run does with the answers to one data set, for one purpose.

    Attributes:
        purpose: analysis, training, recount or evaluation.
        dataset: name of the data set.
        answers: answers to each problem, of all models and adapters.
        stages: what is done with them.
        rollouts: N of independent.
        branches: N of the recursion.
        catalogues: number of catalogues of cliffs that are resampled and have candidates.
        subset: most problems of a data set on which independent is run; None: all.
    """

    purpose: str
    dataset: str
    answers: int
    stages: Sequence[str]
    rollouts: int = 0
    branches: int = 0
    catalogues: int = 1
    subset: int | None = None


def values(
    expected: Mapping[str, Mapping | None],
    analysis: TraceSet,
    training: TraceSet,
    policies: Mapping[str, Sequence],
    evaluation: Mapping,
    limit: int | None,
    budget: Budget,
    assumed: Assumptions,
    tokens_per_second: float | None,
) -> pd.DataFrame:
    """Rollouts, generated tokens and hours of one device: of stages by data set, and in all.

    Where nothing is expected of a data set its rows are empty, and the sums too.

    Args:
        expected: ``problems`` and mean ``tokens`` of a response of each data set; null: not known.
        analysis: the traces of the main run.
        training: the traces that Cliff-DPO is trained on.
        policies: models, variants (base among them) and seeds that are evaluated, by axis.
        evaluation: the section of the configuration.
        limit: on the problems of a data set; null: all.
        budget: rollouts at a cliff and at a cut point.
        assumed: what stands in the place of traces.
        tokens_per_second: that one device generates; null leaves hours empty.
    """
    works = list_works(analysis, training, policies, evaluation)
    planned = plan(works, expected, limit, budget, assumed, tokens_per_second)
    sets = {"analysis": analysis, "training": training}
    return pd.concat([planned, total(planned, sets)], ignore_index=True)


def total(planned: pd.DataFrame, sets: Mapping[str, TraceSet]) -> pd.DataFrame:
    """One row, the sum of what a run draws: of estimators that stand side by side, its own.

    ``planned`` are rows of ``plan``, ``sets`` the traces of each purpose that compares estimators.
    """
    # The first round of the adaptive estimator is the recursive one's.
    drawn = {
        (purpose, {"adaptive": "recursive"}.get(estimator, estimator))
        for purpose, traces in sets.items()
        for estimator in traces.estimators
    }
    asked = zip(planned["purpose"], planned["stage"], strict=True)
    compared = [
        stage in ("independent", "recursive") and purpose in sets and (purpose, stage) not in drawn
        for purpose, stage in asked
    ]
    sums = planned[planned["dataset"].eq(POOLED) & ~np.array(compared)]
    row = sums[["rollouts", "generated_tokens", "hours"]].sum(skipna=False)
    labels = dict.fromkeys(("purpose", "stage", "dataset"), POOLED)
    return pd.DataFrame([labels | row.to_dict()]).astype(
        {"rollouts": "Int64", "generated_tokens": "Int64"}
    )


def list_works(
    analysis: TraceSet, training: TraceSet, policies: Mapping[str, Sequence], evaluation: Mapping
) -> list[Work]:
    """Everything that a run generates tokens for; arguments as those of ``values``."""
    # Both estimators stand side by side, whichever the run has.
    stages = ["traces", "independent", "recursive", "resampling", "candidates"]
    further = {
        "analysis": ["cut_points"],
        "training": ["forks"] if "forks" in policies["variant"] else [],
    }
    policy_count = math.prod(map(len, policies.values()))
    recount = evaluation["recount"]
    works = [
        Work(
            purpose,
            dataset,
            answers=len(traces.models) * traces.samples,
            stages=[*stages, *further[purpose]],
            rollouts=traces.rollouts,
            branches=traces.branches,
            # Of the simulated catalogue one kind alone is resampled: at most so many.
            catalogues=len(set(traces.catalogues)),
            subset=traces.subset.get(dataset),
        )
        for purpose, traces in (("analysis", analysis), ("training", training))
        for dataset in traces.datasets
    ]
    works += [
        Work(
            "recount",
            dataset,
            answers=policy_count * recount["samples"],
            stages=["traces", "recursive"],
            branches=recount["rollouts"],
        )
        for dataset in recount["datasets"]
    ]
    works += [
        # Greedily once, besides.
        Work("evaluation", asked["name"], policy_count * (1 + asked["samples"]), ["traces"])
        for asked in evaluation["datasets"]
    ]
    return [work for work in works if work.answers]


def plan(
    works: Sequence[Work],
    expected: Mapping[str, Mapping | None],
    limit: int | None,
    budget: Budget,
    assumed: Assumptions,
    tokens_per_second: float | None,
) -> pd.DataFrame:
    """Rows of the table, one for each stage of each work.

    Args:
        works: what is to be measured, in the order of the rows.
        expected: problems and mean length of the answers of each data set; null: not stated.
        limit: most problems of a data set; null takes all.
        budget: rollouts of each stage.
        assumed: what is reckoned with before anything is measured.
        tokens_per_second: that one device generates; null leaves hours empty.
    """
    rows = []
    for work in works:
        dataset = expected[work.dataset]
        problems = min(dataset["problems"], limit or np.inf) if dataset else np.nan
        length = dataset["tokens"] if dataset else np.nan
        for stage, (drawn, generated) in _stages(work, length, budget, assumed).items():
            if stage in work.stages:
                most = work.subset if stage == "independent" and work.subset else np.inf
                answers = np.minimum(problems, most) * work.answers
                labels = {"purpose": work.purpose, "stage": stage, "dataset": work.dataset}
                counts = {"rollouts": answers * drawn, "generated_tokens": answers * generated}
                rows.append(labels | {"n": answers} | counts)
    single = pd.DataFrame(rows)
    numbers = ["n", "rollouts", "generated_tokens"]
    sums = single.groupby(["purpose", "stage"], sort=False, as_index=False)[numbers].agg(
        lambda column: column.sum(skipna=False)
    )
    planned = pd.concat([single, sums.assign(dataset=POOLED)], ignore_index=True)
    planned["hours"] = hours(planned["generated_tokens"], tokens_per_second)
    planned[numbers] = planned[numbers].round().astype("Int64")
    return planned


def _stages(
    work: Work, length: float, budget: Budget, assumed: Assumptions
) -> dict[str, tuple[float, float]]:
    """Rollouts, and tokens that they generate, of one trace of this length in each stage."""
    square = length**2 * (1 + assumed.spread**2)
    branches = assumed.choices * (work.branches * assumed.leaving + 0.5)
    cliffs = assumed.cliffs * work.catalogues
    arms = 4 * budget.resampling * cliffs
    candidates = budget.top * budget.candidates * cliffs
    forks = 2 * budget.candidates * assumed.cliffs
    cuts = 4 * budget.cut_points * assumed.incorrect
    return {
        "traces": (1, length),
        "independent": (work.rollouts * length, work.rollouts * (square + length) / 2),
        "recursive": (branches * length, branches * (square - length) / 2),
        "resampling": (arms, arms * length / 2),
        "candidates": (candidates, candidates * length / 2),
        "forks": (forks, forks * length / 2),
        "cut_points": (cuts, cuts * length * 5 / 8),
    }

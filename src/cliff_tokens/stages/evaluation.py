"""Evaluation: what training on cliffs did to accuracy and to the cliffs (paper, Cliff-DPO).

A *policy* is a model with an adapter of one variant and training seed, or without one (``base``).
All policies answer the same problems with the same random numbers: a stream is keyed by the run's
seed, the training seed, the problem and the sample, never by the variant. An adapter that changes
nothing therefore changes no token, and what differs between a variant and base is the training.

Cliffs are counted anew on traces of each policy, base included, by one protocol: the potential of
a policy's traces is its own, so counts of the main run cannot be the "before".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd

from cliff_tokens import tables
from cliff_tokens.policies import Engine, sampling
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.policies.tokenizer import ChatTokenizer
from cliff_tokens.stages import cliffs, grading, recursion, taxonomy, traces
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.rollouts import Store, kept

BASE = "base"
GREEDY, SAMPLED = "greedy", "sampled"


@dataclass(frozen=True)
class Policy:
    """Whose answers they are; ``seed`` is that of the training, for ``base`` its counterpart's."""

    model: str
    variant: str
    seed: int

    def derived_seed(self, run_seed: int) -> int:
        """What keys the random numbers of this policy and of all that are compared with it."""
        return int(sampling.stream(run_seed, "evaluation", self.seed))

    def label(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with the columns that name the policy."""
        return rows.assign(model=self.model, variant=self.variant, seed=self.seed)


@dataclass(frozen=True)
class Benchmark:
    """How a data set is asked: greedily once, and ``samples`` times by the model's sampler."""

    dataset: str
    system: str | None
    max_tokens: int
    samples: int


def evaluate(
    problems: Sequence[pd.DataFrame],
    benchmarks: Sequence[Benchmark],
    policy: Policy,
    engine: Engine | None,
    tokenizer: ChatTokenizer | None,
    sampler: Sampler,
    grader: grading.Grader,
    *,
    seed: int,
    store: Store | None = None,
) -> pd.DataFrame:
    """Graded answers to the problems of every benchmark: rows of the ``evaluation`` table.

    No rows without an engine, which says that nothing was trained.
    """
    if engine is None:
        return pd.DataFrame(columns=tables.TABLES["evaluation"].schema.names)
    parts, seed = [], policy.derived_seed(seed)
    columns = ["dataset", "problem_id", "sample", "verdict", "answer", "tokens", "finish"]

    def answer(asked: pd.DataFrame, benchmark: Benchmark, sampler: Sampler) -> pd.DataFrame:
        drawn = _sample(asked, benchmark, policy, engine, tokenizer, sampler, grader, seed)
        return drawn.assign(tokens=drawn["token_ids"].map(len))[columns]

    for asked, benchmark in zip(problems, benchmarks, strict=True):
        greedy = replace(benchmark, samples=1)
        for decoding, how, drawn_by in (
            (GREEDY, greedy, Sampler(0.0)),
            (SAMPLED, benchmark, sampler),
        ):
            if how.samples:
                place = f"{benchmark.dataset}-{decoding}"
                answers = kept(store, place, partial(answer, asked, how, drawn_by))
                parts.append(answers.assign(decoding=decoding))
    return policy.label(pd.concat(parts, ignore_index=True))


def recount(
    problems: Sequence[pd.DataFrame],
    benchmarks: Sequence[Benchmark],
    policy: Policy,
    engine: Engine | None,
    tokenizer: ChatTokenizer | None,
    sampler: Sampler,
    grader: grading.Grader,
    *,
    rollouts: int,
    test: CliffTest,
    certain: float,
    support: int,
    seed: int,
    store: Store | None = None,
) -> pd.DataFrame:
    """Cliffs of fresh traces of one policy, by recursion at N = ``rollouts``.

    ``benchmark.samples`` traces are drawn of each problem. Rows of the ``recounts`` table, one a
    trace; none without an engine, which says that nothing was trained.
    """
    if engine is None:
        return pd.DataFrame(columns=tables.TABLES["recounts"].schema.names)
    seed = policy.derived_seed(seed)

    def count(asked: pd.DataFrame, benchmark: Benchmark) -> pd.DataFrame:
        sampled = _sample(asked, benchmark, policy, engine, tokenizer, sampler, grader, seed)
        tokens, alternatives = traces.score(sampled, engine, tokenizer, sampler, support)
        plan = recursion.plan(tokens, alternatives, rollouts, seed, "recount")
        branches = recursion.roll_out(
            sampled, plan, asked, engine, tokenizer, sampler, grader, name="recount", seed=seed
        )
        estimates = recursion.estimate(sampled, tokens, branches)
        found = cliffs.detect(estimates, sampled, tokens, test, certain)
        return _per_trace(sampled, found, branches)

    parts = [
        kept(store, benchmark.dataset, partial(count, asked, benchmark))
        for asked, benchmark in zip(problems, benchmarks, strict=True)
    ]
    return policy.label(pd.concat(parts, ignore_index=True))


def _sample(
    asked: pd.DataFrame,
    benchmark: Benchmark,
    policy: Policy,
    engine: Engine,
    tokenizer: ChatTokenizer,
    sampler: Sampler,
    grader: grading.Grader,
    seed: int,
) -> pd.DataFrame:
    """Rows of the ``traces`` table; the key of their random numbers does not hold the variant."""
    return traces.sample(
        asked,
        policy.model,
        engine,
        tokenizer,
        sampler,
        grader,
        system=benchmark.system,
        max_tokens=benchmark.max_tokens,
        samples=benchmark.samples,
        seed=seed,
    )


def _per_trace(sampled: pd.DataFrame, found: pd.DataFrame, branches: pd.DataFrame) -> pd.DataFrame:
    names = sampled["trace_id"]
    rows = sampled[["dataset", "problem_id", "sample", "verdict"]].copy()
    rows["tokens"] = sampled["token_ids"].map(len)
    rows["cliffs"] = _number(found["trace_id"], names)
    for kind in taxonomy.KINDS:
        rows[kind] = _number(found.loc[found["kind"].eq(kind), "trace_id"], names)
    spent = branches.groupby("trace_id")[["rollouts", "generated_tokens"]].sum()
    # A trace without a choice has no branches: none were drawn.
    spent = spent.reindex(names, fill_value=0)
    return rows.assign(**{column: spent[column].to_numpy() for column in spent})


def _number(found: pd.Series, names: pd.Series) -> pd.Series:
    """How often each name was found."""
    return names.map(found.value_counts()).fillna(0).astype("int64")

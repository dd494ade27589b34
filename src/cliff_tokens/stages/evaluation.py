"""Evaluation: what training on cliffs did to accuracy and to the cliffs (paper, Cliff-DPO).

A *policy* is a model with an adapter of one variant and training seed, or without one (``base``).
All policies answer the same problems with the same random numbers: a stream is keyed by the run's
seed, the training seed, the problem and the sample, never by the variant. An adapter that changes
nothing therefore changes no token, and what differs between a variant and base is the training.

Cliffs are counted anew on traces of each policy, base included, by one protocol: the potential of
a policy's traces is its own, so counts of the main run cannot be the "before".
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd

from cliff_tokens.policies import Policy
from cliff_tokens.policies.sampling import Sampler, stream
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.cliffs import detect
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.questions import Questions
from cliff_tokens.stages.recursion import collect_branches, estimate_recursive, plan_branches
from cliff_tokens.stages.rollouts import Store, kept, roll_out
from cliff_tokens.stages.taxonomy import KINDS
from cliff_tokens.stages.traces import sample, score

BASE = "base"
GREEDY, SAMPLED = "greedy", "sampled"


@dataclass(frozen=True)
class Identity:
    """Whose answers they are.

    Args:
        model: name in the catalogue.
        variant: the pairs that its adapter was trained on, or ``base``.
        seed: of the training; for ``base`` that of the training it is compared with.
    """

    model: str
    variant: str
    seed: int

    def derived_seed(self, run_seed: int) -> int:
        """The seed for the random numbers of this policy and of all that are compared with it."""
        return int(stream(run_seed, "evaluation", self.seed))

    def label(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with the columns that name the policy."""
        return rows.assign(model=self.model, variant=self.variant, seed=self.seed)


@dataclass(frozen=True)
class Recount:
    """How cliffs are counted again.

    Args:
        rollouts: N of the recursion.
        test: the rule.
        certain: probability of the greedy token above which entropy is low (``taxonomy``).
        support: tokens in the entropy's sum; 0 takes the full vocabulary.
    """

    rollouts: int
    test: CliffTest
    certain: float
    support: int


def evaluate(
    problems: pd.DataFrame,
    questions: Mapping[str, Questions],
    identity: Identity,
    policy: Policy,
    grader: Grader,
    *,
    seed: int,
    store: Store | None = None,
) -> pd.DataFrame:
    """Graded answers to the problems of every data set: rows of the ``evaluation`` table.

    Args:
        problems: rows of the table, of all data sets that are asked.
        questions: by data set; problems are asked once greedily, and ``samples`` times sampled.
        identity: whose answers they are.
        policy: who answers.
        grader: grades the answers.
        seed: of the run.
        store: holds data sets that an earlier attempt finished; null keeps none.
    """
    columns = ["dataset", "problem_id", "sample", "verdict", "answer", "tokens", "finish"]
    derived = identity.derived_seed(seed)

    def answer(name: str, asked: Questions, answering: Policy) -> pd.DataFrame:
        of_dataset = problems[problems["dataset"].eq(name)]
        traces = sample(of_dataset, asked, identity.model, answering, grader, derived)
        return traces.assign(tokens=traces["token_ids"].map(len))[columns]

    parts = []
    greedy = replace(policy, sampler=Sampler(0.0))
    for name, often in questions.items():
        once = replace(often, samples=1)
        for decoding, asked, answering in ((GREEDY, once, greedy), (SAMPLED, often, policy)):
            if asked.samples:
                draw = partial(answer, name, asked, answering)
                answers = kept(store, f"{name}-{decoding}", draw)
                parts.append(answers.assign(decoding=decoding))
    return identity.label(pd.concat(parts, ignore_index=True))


def recount(
    problems: pd.DataFrame,
    questions: Mapping[str, Questions],
    identity: Identity,
    policy: Policy,
    grader: Grader,
    protocol: Recount,
    *,
    seed: int,
    store: Store | None = None,
) -> pd.DataFrame:
    """Cliffs of fresh traces of one policy, by recursion: rows of the ``recounts`` table.

    Args:
        problems: rows of the table, of all data sets that are asked.
        questions: by data set; ``samples`` traces are drawn of each problem.
        identity: whose traces they are.
        policy: who writes them.
        grader: grades traces and rollouts.
        protocol: how cliffs are counted.
        seed: of the run.
        store: holds data sets that an earlier attempt finished; null keeps none.
    """
    derived = identity.derived_seed(seed)

    def count(name: str) -> pd.DataFrame:
        shown = f"recount-{name}"
        of_dataset = problems[problems["dataset"].eq(name)]
        traces = sample(of_dataset, questions[name], identity.model, policy, grader, derived)
        tokens, alternatives = score(traces, policy, protocol.support)
        plan = plan_branches(tokens, alternatives, protocol.rollouts, derived, "recount")
        rollouts = roll_out(
            plan, traces, of_dataset, policy, grader, seed=derived, name=shown, store=store
        )
        branches = collect_branches(plan, rollouts)
        estimates = estimate_recursive(traces, tokens, branches)
        cliffs = detect(estimates, traces, tokens, protocol.test, protocol.certain)
        return _per_trace(traces, cliffs, branches)

    parts = [kept(store, name, partial(count, name)) for name in questions]
    return identity.label(pd.concat(parts, ignore_index=True))


def _per_trace(traces: pd.DataFrame, cliffs: pd.DataFrame, branches: pd.DataFrame) -> pd.DataFrame:
    """A row for each trace: what it was, its cliffs of each kind, and what counting them took."""
    names = traces["trace_id"]
    rows = traces[["dataset", "problem_id", "sample", "verdict"]].copy()
    rows["tokens"] = traces["token_ids"].map(len)
    rows["cliffs"] = _number(cliffs["trace_id"], names)
    for kind in KINDS:
        rows[kind] = _number(cliffs.loc[cliffs["kind"].eq(kind), "trace_id"], names)
    spent = branches.groupby("trace_id")[["rollouts", "generated_tokens"]].sum()
    # A trace whose every token was certain under the sampler has no branches.
    spent = spent.reindex(names, fill_value=0)
    return rows.assign(**{column: spent[column].to_numpy() for column in spent})


def _number(occurrences: pd.Series, names: pd.Series) -> pd.Series:
    """How often each of the names occurs."""
    return names.map(occurrences.value_counts()).fillna(0).astype("int64")

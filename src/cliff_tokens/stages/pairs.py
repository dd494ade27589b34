"""Pairs for Cliff-DPO: a token to prefer at a cliff, and the cliff token (paper, Cliff-DPO).

The prompt of a pair is prefix t-1 as token ids, the rejected side is the cliff token and the chosen
side another candidate. A variant is a set of pairs: those of some of the cliffs, or a rival that
these are compared with:

| variant | pairs |
|---|---|
| all, or the name of one or two kinds | every cliff, cliffs of these kinds |
| audited | cliffs confirmed by fresh rollouts (arms del and keep of the resampling) |
| flipped | those of all, with the sides exchanged |
| forks | tokens that are no cliffs, as much in doubt and at stake as these (stages/forks.py) |
| random | tokens that are no cliffs, matched in kind and probability |
| response, cdpo | whole responses: a correct and an incorrect trace of one problem |

The pairs of forks prefer whichever side was measured to lead further, the trace's token or the
other. Those of random prefer what the sampler could have drawn instead, and nothing was measured.

A drop of potential above the margin is impossible at a deterministic token (docs/estimators.md), so
the recursion offers none. That variant's cliffs come from the published protocol as simulated on
the same traces: false flags, which is what such cliffs are.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cliff_tokens.policies import sampling
from cliff_tokens.stages.arms import fresh_drops
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.controls import match, most_probable_first, others
from cliff_tokens.stages.taxonomy import KINDS, kinds
from cliff_tokens.statistics import unpooled_error
from cliff_tokens.tables import PLACE

# Kinds of the cliffs that a variant takes.
KINDS_OF = {
    "all": KINDS,
    "deterministic": ("deterministic",),
    "uncertain": ("uncertain",),
    "sampled_off": ("sampled_off",),
    "uncertain_sampled_off": ("uncertain", "sampled_off"),
    "audited": KINDS,
    "flipped": KINDS,
    "random": KINDS,
}
RESPONSES = ("response", "cdpo")
COLUMNS = [
    "pair_id", "cliff_id", "trace_id", "problem_id", "t", "kind", "prompt_ids", "chosen_ids",
    "rejected_ids", "successes_chosen", "rollouts_chosen", "successes_rejected",
    "rollouts_rejected", "before",
]  # fmt: skip


def catalogue_of(variant: str, estimator: str) -> str | None:
    """The estimator whose cliffs a variant trains on; None where it needs none.

    ``estimator`` is the one that the run trains on.
    """
    if variant in RESPONSES:
        return None
    return "simulated" if variant == "deterministic" else estimator


@dataclass(frozen=True)
class PairRule:
    """Which candidates are preferred to the cliff token, and what a pair weighs.

    Args:
        test: the rule, by which a candidate is a cliff itself.
        top: candidates of each cliff that are considered, by rank.
        chosen: ``published`` prefers every candidate that is no cliff itself, ``better`` those
            whose potential is above the cliff token's by ``test.z`` standard errors.
        weights: ``cliff`` gives all pairs of a cliff a weight of 1 together, ``pair`` gives each
            pair 1 (published).
    """

    test: CliffTest
    top: int
    chosen: str
    weights: str

    def __post_init__(self):
        for name, offered in (("chosen", ("published", "better")), ("weights", ("cliff", "pair"))):
            if getattr(self, name) not in offered:
                raise ValueError(
                    f"training.{name}: expected {' or '.join(offered)}, "
                    f"found {getattr(self, name)!r}"
                )


def build(
    variant: str,
    frames: dict[str, pd.DataFrame],
    rule: PairRule,
    *,
    certain: float,
    held_out: float,
    matched: int | None,
    seed: int,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows of the ``pairs`` table, and how many cliffs there were and why some gave no pair.

    Args:
        variant: which pairs (see above).
        frames: cliffs, candidates, estimates, resampling, tokens, alternatives and traces of one
            model and data set, by the name of the table; forks, too, where the variant is forks.
        rule: which candidates are preferred, and what a pair weighs.
        certain: probability of the greedy token above which entropy is low (``taxonomy``).
        held_out: share of problems whose pairs are not trained on.
        matched: pairs that are trained on, of all that there are (``subsample``); null for all.
        seed: of the run; keys the matching of controls, the problems that are held out and the
            pairs that are drawn.
    """
    traces = frames["traces"]
    if variant in RESPONSES:
        pairs, counts = of_responses(traces)
    elif variant == "forks":
        pairs, counts = of_forks(
            frames["forks"], frames["estimates"], frames["tokens"], traces, rule, certain
        )
    else:
        cliffs = frames["cliffs"][frames["cliffs"]["kind"].isin(KINDS_OF[variant])]
        if variant == "audited":
            fresh = fresh_drops(cliffs, frames["resampling"], rule.test)
            cliffs = cliffs[fresh["confirmed"].to_numpy()]
        pairs, counts = of_cliffs(cliffs, frames["candidates"], frames["estimates"], traces, rule)
        if variant == "flipped":
            pairs = flip(pairs)[COLUMNS]
        if variant == "random":
            pairs = of_controls(
                pairs, frames["cliffs"], frames["tokens"], frames["alternatives"], traces,
                certain=certain, seed=seed,
            )  # fmt: skip
            counts = {"cliffs": counts["cliffs"], "controls": pairs["cliff_id"].nunique()}
    apart = held_out_problems(traces["problem_id"], held_out, seed)
    pairs["split"] = np.where(pairs["problem_id"].isin(apart), "held_out", "train")
    if matched is not None:
        pairs = subsample(pairs, variant, matched, seed)
    pairs["weight"] = 1.0
    if rule.weights == "cliff" and variant not in RESPONSES:
        pairs["weight"] = 1 / pairs.groupby("cliff_id")["pair_id"].transform("size")
    return pairs, {**counts, "pairs": len(pairs)}


def of_cliffs(
    cliffs: pd.DataFrame,
    candidates: pd.DataFrame,
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    rule: PairRule,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Every preferred candidate against the cliff token; candidates are the ``top`` by rank.

    A cliff whose token is not among them gives no pairs, as published, but is counted.

    Args:
        cliffs: those that the variant takes.
        candidates: rows of the table; those of other cliffs are left out.
        estimates: those that selected the cliffs.
        traces: rows of the table.
        rule: which candidates are preferred.
    """
    rows = candidates.merge(cliffs[["cliff_id", *PLACE, "problem_id", "kind"]], on="cliff_id")
    rows = rows[rows["rank"] <= rule.top]
    cliff_tokens = rows[rows["is_sampled"]]
    rows = rows[~rows["is_sampled"]].merge(
        cliff_tokens[["cliff_id", "token_id", "successes", "rollouts"]],
        on="cliff_id",
        suffixes=("_chosen", "_rejected"),
    )
    rows = rows.merge(estimates[[*PLACE, "before", "before_se"]], on=PLACE, validate="m:1")
    chosen = rows["successes_chosen"] / rows["rollouts_chosen"]
    chosen_variance = chosen * (1 - chosen) / rows["rollouts_chosen"]
    if rule.chosen == "published":
        error = np.sqrt(rows["before_se"] ** 2 + chosen_variance)
        preferred = ~rule.test.flags(rows["before"] - chosen, error)
    else:
        preferred = _leads(rows, rule.test.z)
    rows = rows[preferred]
    inside = cliff_tokens["cliff_id"].nunique()
    counts = {
        "cliffs": len(cliffs),
        "outside_candidates": len(cliffs) - inside,
        "without_a_preferred_candidate": inside - rows["cliff_id"].nunique(),
    }
    return _with_prefix(rows, traces), counts


def of_forks(
    forks: pd.DataFrame,
    estimates: pd.DataFrame,
    tokens: pd.DataFrame,
    traces: pd.DataFrame,
    rule: PairRule,
    certain: float,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The side of a fork that leads further by ``rule.test.z`` standard errors, and the other side.

    Args:
        forks: rows of the table.
        estimates: those that selected the cliffs that forks are matched to.
        tokens: rows of the table.
        traces: rows of the table.
        rule: what counts as noise; the rest of it is about candidates.
        certain: probability of the greedy token above which entropy is low (``taxonomy``).
    """
    sides = forks.drop(columns=["is_sampled"])
    sampled, other = sides[forks["is_sampled"]], sides[~forks["is_sampled"]]
    rows = sampled.merge(other, on=["cliff_id", *PLACE], suffixes=("_chosen", "_rejected"))
    counts = {"forks": len(rows)}
    rows = pd.concat([way[_leads(way, rule.test.z)] for way in (rows, flip(rows))])
    counts["without_a_preferred_side"] = counts["forks"] - len(rows)
    rows = rows.merge(estimates[[*PLACE, "before"]], on=PLACE, validate="m:1")
    rows = rows.merge(tokens[[*PLACE, "entropy", "rank"]], on=PLACE, validate="m:1")
    rows["kind"] = kinds(rows["entropy"], rows["rank"], certain)
    rows["cliff_id"] = rows["trace_id"] + "@" + rows["t"].astype(str)
    rows = rows.merge(traces[["trace_id", "problem_id"]], on="trace_id", validate="m:1")
    return _with_prefix(rows, traces), counts


def flip(rows: pd.DataFrame) -> pd.DataFrame:
    """Pairs with their sides exchanged: what was chosen is rejected."""
    sides = {"chosen": "rejected", "rejected": "chosen"}
    return rows.rename(
        columns={
            name: name.replace(side, other)
            for name in rows
            for side, other in sides.items()
            if side in name
        }
    )


def _leads(rows: pd.DataFrame, z: float) -> np.ndarray:
    """Whether the chosen side's potential is above the rejected one's by ``z`` standard errors."""
    chosen, rejected = rows["successes_chosen"], rows["successes_rejected"]
    n, other_n = rows["rollouts_chosen"], rows["rollouts_rejected"]
    error = unpooled_error(chosen, rejected, n, other_n)
    return CliffTest(0.0, z).flags(chosen / n - rejected / other_n, error)


def of_controls(
    pairs: pd.DataFrame,
    cliffs: pd.DataFrame,
    tokens: pd.DataFrame,
    alternatives: pd.DataFrame,
    traces: pd.DataFrame,
    *,
    certain: float,
    seed: int,
) -> pd.DataFrame:
    """As many pairs as each cliff gave, at tokens of its kind that are no cliffs.

    Tokens nearest in sampler probability come first, ties in an order keyed by the seed; each is
    used once. Of a token's alternatives the most probable are taken.

    Args:
        pairs: those of the cliffs.
        cliffs: all of the catalogue, whether or not they gave pairs.
        tokens: rows of the table.
        alternatives: rows of the table.
        traces: rows of the table.
        certain: probability of the greedy token above which entropy is low (``taxonomy``).
        seed: of the run.
    """
    offered = alternatives.groupby(PLACE).size().rename("offered").reset_index()
    pool = others(tokens, cliffs).merge(offered, on=PLACE).sort_values(PLACE, ignore_index=True)
    pool["kind"] = kinds(pool["entropy"], pool["rank"], certain)
    names = np.array([sampling.stream(seed, "control", name) for name in pool["trace_id"]])
    order = np.argsort(sampling.uniforms(names, pool["t"].to_numpy()), kind="stable")
    wanted = pairs.groupby("cliff_id").agg(wanted=("pair_id", "size"), kind=("kind", "first"))
    probability = cliffs.set_index("cliff_id")["sampler_probability"]
    cliffs = wanted.join(probability).reset_index()

    def distance(cliff, pool: pd.DataFrame) -> np.ndarray:
        difference = np.abs(pool["sampler_probability"].to_numpy() - cliff.sampler_probability)
        return np.where(pool["kind"].to_numpy() == cliff.kind, difference, np.inf)

    controls = match(cliffs, pool.iloc[order], distance, "sampler_probability")
    controls = controls.drop(columns="cliff_id")
    controls = controls.merge(pool[[*PLACE, "token_id", "kind"]], on=PLACE)
    controls = controls.rename(columns={"token_id": "token_id_rejected"})
    rows = most_probable_first(alternatives.merge(controls, on=PLACE))
    rows = rows[rows.groupby(PLACE).cumcount() < rows["taken"]]
    rows["cliff_id"] = rows["trace_id"] + "@" + rows["t"].astype(str)
    rows = rows.rename(columns={"token_id": "token_id_chosen"})
    rows = rows.merge(traces[["trace_id", "problem_id"]], on="trace_id")
    unmeasured = ["successes_chosen", "rollouts_chosen", "successes_rejected", "rollouts_rejected"]
    return _with_prefix(rows.assign(**dict.fromkeys([*unmeasured, "before"])), traces)


def of_responses(traces: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The first correct trace of a problem against its first incorrect one, and so on.

    A response that could not be graded in time is on neither side.
    """
    graded = traces[traces["verdict"] != "timeout"].sort_values("trace_id")
    rows = []
    for problem_id, group in graded.groupby("problem_id"):
        right = group[group["verdict"] == "correct"]
        wrong = group[group["verdict"] != "correct"]
        for chosen, rejected in zip(right.itertuples(), wrong.itertuples(), strict=False):
            rows.append(
                {
                    "pair_id": f"{rejected.trace_id}/{chosen.sample}",
                    "trace_id": rejected.trace_id,
                    "problem_id": problem_id,
                    "t": 1,
                    "prompt_ids": rejected.prompt_ids,
                    "chosen_ids": chosen.token_ids,
                    "rejected_ids": rejected.token_ids,
                }
            )
    both = len({row["problem_id"] for row in rows})
    counts = {"problems": graded["problem_id"].nunique(), "problems_with_both": both}
    return pd.DataFrame(rows, columns=COLUMNS), counts


def held_out_problems(problem_ids: pd.Series, share: float, seed: int) -> set[str]:
    """The share of problems, rounded up, whose pairs are held out; the same for all variants."""
    names = sorted(set(problem_ids), key=lambda name: sampling.stream(seed, "held out", name))
    return set(names[: int(np.ceil(share * len(names)))])


def subsample(pairs: pd.DataFrame, variant: str, size: int, seed: int) -> pd.DataFrame:
    """``size`` of the pairs that are trained on, and all that are held out, in their order.

    Every pair has its place in one order of all, keyed by the seed and its id: variants that share
    pairs draw alike, and fewer are among more. A variant that has fewer than ``size`` is an error,
    as its training would be no match.
    """
    train = pairs.loc[pairs["split"].eq("train"), "pair_id"]
    if len(train) < size:
        raise ValueError(
            f"training.matched: expected at least {size} pairs to train on, but {variant} has "
            f"{len(train)}; lower it, or leave {variant} out of training.variants"
        )
    drawn = sorted(train, key=lambda name: sampling.stream(seed, "matched", name))[:size]
    kept = pairs["split"].eq("held_out") | pairs["pair_id"].isin(drawn)
    return pairs[kept].reset_index(drop=True)


def _with_prefix(rows: pd.DataFrame, traces: pd.DataFrame) -> pd.DataFrame:
    """Pairs of single tokens with the ids of prefix t-1."""
    by_id = {trace.trace_id: trace for trace in traces.itertuples()}
    prefixes = [
        np.concatenate([by_id[row.trace_id].prompt_ids, by_id[row.trace_id].token_ids[: row.t - 1]])
        for row in rows.itertuples()
    ]
    lists = {
        "prompt_ids": prefixes,
        "chosen_ids": [[token] for token in rows["token_id_chosen"]],
        "rejected_ids": [[token] for token in rows["token_id_rejected"]],
    }
    return rows.assign(
        pair_id=rows["cliff_id"] + "/" + rows["token_id_chosen"].astype(str),
        # Without rows, pandas would take a list for numbers.
        **{name: pd.Series(ids, index=rows.index, dtype=object) for name, ids in lists.items()},
    )[COLUMNS].reset_index(drop=True)

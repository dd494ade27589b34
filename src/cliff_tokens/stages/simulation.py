"""What a protocol would have measured, drawn from a reference in place of rollouts.

With V_t known well, counts from a binomial at V_t are what independent rollouts would have given,
at no rollout's cost and as often as one likes; likewise for branches. Here the reference *is* the
truth, so that a simulated flag is false without doubt.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import binom

from cliff_tokens.exhibits import truth
from cliff_tokens.exhibits.summaries import POOLED, names_or_all, owners_of
from cliff_tokens.policies import sampling
from cliff_tokens.stages import recursion
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.taxonomy import KINDS
from cliff_tokens.statistics import Intervals, percentile_interval, unpooled_error

# Of the curve: error and cost are means over thousands of tokens already.
ROLLOUTS = (8, 16, 32, 64, 128, 256)
REPETITIONS = 20
_KEY = ["trace_id", "t"]


def independent(reference: pd.DataFrame, rollouts: int, rng: np.random.Generator) -> pd.DataFrame:
    """Estimates from ``rollouts`` independent rollouts at every prefix, sorted by token."""
    ordered = reference.sort_values(_KEY, ignore_index=True)
    return _measured(ordered, rng.binomial(rollouts, np.clip(ordered["before"], 0, 1)), rollouts)


def published(reference: pd.DataFrame, rollouts: int, seed: int) -> pd.DataFrame:
    """The same once, as rows of the ``estimates`` table; keyed by the seed, the trace and t."""
    ordered = reference.sort_values(_KEY, ignore_index=True)
    keys = {name: sampling.stream(seed, "simulated", name) for name in set(ordered["trace_id"])}
    uniforms = sampling.uniforms(ordered["trace_id"].map(keys).to_numpy(), ordered["t"].to_numpy())
    share = np.clip(ordered["before"].to_numpy(), 0, 1)
    # A uniform of exactly 0 would give -1.
    before = np.maximum(0, binom.ppf(uniforms, rollouts, share)).astype(int)
    measured = _measured(ordered, before, rollouts)
    p = measured["before"]
    return measured.assign(before_se=np.sqrt(p * (1 - p) / rollouts))


def _measured(ordered: pd.DataFrame, before: np.ndarray, rollouts: int) -> pd.DataFrame:
    """Estimates from counts before every token; the trace's verdict follows its last."""
    last = ordered["trace_id"].ne(ordered["trace_id"].shift(-1)).to_numpy()
    # The potential after a token is the one before the next; the last is the verdict, exact.
    verdict = np.rint(rollouts * ordered["after"].to_numpy()).astype(int)
    after = np.where(last, verdict, np.append(before[1:], 0))
    return ordered[_KEY].assign(
        before=before / rollouts,
        after=after / rollouts,
        drop_se=unpooled_error(before, after, rollouts),
    )


def branches(
    tokens: pd.DataFrame,
    alternatives: pd.DataFrame,
    reference: pd.DataFrame,
    rollouts: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Branches that the recursion with N = ``rollouts`` would draw, with successes and tokens.

    A branch succeeds as often, and is as long, as the reference's branches with the same first
    token; where those took none of so rare a token, as all of that prefix.
    """
    planned = recursion.plan(tokens, alternatives, rollouts, int(rng.integers(2**31)), "simulation")
    share, length = _of_branches(planned, reference)
    return planned.assign(
        successes=rng.binomial(planned["rollouts"], share),
        generated_tokens=planned["rollouts"] * length,
    )


def protocol(
    reference: pd.DataFrame,
    tokens: pd.DataFrame,
    cliffs: pd.DataFrame | None,
    rollouts: int,
    repetitions: int,
    test: CliffTest,
    certain: float,
    intervals: Intervals,
    models: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Flags of the published protocol and those that are false, simulated, per model and kind.

    Values are means over repetitions on the same traces, with the interval that holds the
    repetitions. Beside them the flags of the real independent rollouts (``cliffs``), if any.
    """
    known = truth.truths(reference, tokens, test.margin, certain, intervals.confidence)
    known = known.sort_values(_KEY, ignore_index=True)
    models = names_or_all(models, known["model"])
    rng = np.random.default_rng(intervals.seed)
    flagged = np.empty((repetitions, len(known)), dtype=bool)
    for repetition in range(repetitions):
        drawn = independent(reference, rollouts, rng)
        flagged[repetition] = test.flags(drawn["before"] - drawn["after"], drawn["drop_se"])
    real = None
    if cliffs is not None:
        real = pd.MultiIndex.from_frame(known[_KEY]).isin(pd.MultiIndex.from_frame(cliffs[_KEY]))
    false = ~known["true"].to_numpy()
    rows = []
    for model in [*models, POOLED]:
        owned = known["model"].isin(models if model == POOLED else [model]).to_numpy()
        for kind in [*KINDS, POOLED]:
            inside = owned & ((kind == POOLED) | (known["kind"] == kind).to_numpy())
            row = {"model": model, "kind": kind, "n": int(inside.sum())}
            for name, cell in (("flags", inside), ("false_flags", inside & false)):
                found = flagged[:, cell].sum(axis=1)
                low, high = percentile_interval(found, intervals.confidence)
                row |= {name: found.mean(), f"{name}_low": float(low), f"{name}_high": float(high)}
                row[f"real_{name}"] = np.nan if real is None else int(real[cell].sum())
            rows.append(row)
    found = pd.DataFrame(rows)
    return found.astype({"real_flags": "Int64", "real_false_flags": "Int64"})


def curve(
    traces: pd.DataFrame,
    tokens: pd.DataFrame,
    alternatives: pd.DataFrame,
    reference: pd.DataFrame,
    reference_branches: pd.DataFrame,
    seed: int,
    models: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Error against cost: model, estimator, rollouts (N), generated_tokens, rmse.

    The reference is the truth here, so none of its variance is taken off.
    """
    truths = reference.assign(before_se=0.0)
    length = lengths(tokens, reference_branches)
    rows = []
    for rollouts in ROLLOUTS:
        rng = np.random.default_rng([seed, rollouts])
        for _ in range(REPETITIONS):
            drawn = branches(tokens, alternatives, reference_branches, rollouts, rng)
            spent = {
                "independent": length.assign(generated_tokens=rollouts * length["length"]),
                "recursive": drawn,
            }
            estimates = {
                "independent": independent(reference, rollouts, rng),
                "recursive": recursion.estimate(traces, tokens, drawn),
            }
            for name, found in estimates.items():
                cost = spent[name].assign(model=owners_of(spent[name])[0]["model"].to_numpy())
                errors = truth.square_errors(found, truths)
                errors = errors.assign(model=owners_of(errors)[0]["model"])
                row = pd.DataFrame(
                    {
                        "generated_tokens": cost.groupby("model")["generated_tokens"].sum(),
                        "error": errors.groupby("model")["error"].mean(),
                    }
                )
                rows.append(row.assign(estimator=name, rollouts=rollouts).reset_index())
    means = pd.concat(rows).groupby(["model", "estimator", "rollouts"], as_index=False).mean()
    means["rmse"] = np.sqrt(means.pop("error"))
    order = {model: place for place, model in enumerate(names_or_all(models, traces["model"]))}
    means = means[means["model"].isin(order)]
    return means.sort_values(
        "model", key=lambda names: names.map(order), kind="stable"
    ).reset_index(drop=True)


def lengths(tokens: pd.DataFrame, reference_branches: pd.DataFrame) -> pd.DataFrame:
    """Expected tokens of a rollout from the prefix before each token, column ``length``.

    By the recursion of the potential: L_{t-1} = 1 + q_t L_t + (1 - q_t) G_t, where G_t is the mean
    length of the branches after their first token.
    """
    sums = reference_branches.groupby(_KEY)[["generated_tokens", "rollouts"]].sum()
    mean = (sums["generated_tokens"] / sums["rollouts"]).rename("mean")
    rows = tokens[[*_KEY, "sampler_probability"]].join(mean, on=_KEY).sort_values(_KEY)
    q, other = rows["sampler_probability"].to_numpy(), rows["mean"].fillna(0).to_numpy()
    last = rows["trace_id"].ne(rows["trace_id"].shift(-1)).to_numpy()
    found, after = np.empty(len(rows)), 0.0
    for row in range(len(rows) - 1, -1, -1):
        after = 1 + q[row] * (0.0 if last[row] else after) + (1 - q[row]) * other[row]
        found[row] = after
    return rows[_KEY].assign(length=found)


def _of_branches(planned: pd.DataFrame, reference: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Success share and mean length of each planned branch, from the reference's."""
    columns = ["successes", "generated_tokens", "rollouts"]
    own = planned.join(
        reference.set_index([*_KEY, "first_token_id"])[columns].add_suffix("_own"),
        on=[*_KEY, "first_token_id"],
    ).join(reference.groupby(_KEY)[columns].sum().add_suffix("_all"), on=_KEY)
    if own["rollouts_all"].isna().any():
        first = own[own["rollouts_all"].isna()].iloc[0]
        raise ValueError(f"{first.trace_id}: the reference has no branches at token {first.t}")
    return tuple(
        (own[f"{column}_own"] / own["rollouts_own"]).fillna(
            own[f"{column}_all"] / own["rollouts_all"]
        )
        for column in ("successes", "generated_tokens")
    )

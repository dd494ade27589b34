"""The simulated protocol against what is known of a Markov chain, and against real rollouts."""

import numpy as np
from helpers.exhibits import INTERVALS
from helpers.synthetic import CERTAIN, TEST
from scipy import stats

from cliff_tokens import tables
from cliff_tokens.exhibits.table_simulation import values
from cliff_tokens.stages.cliffs import detect
from cliff_tokens.stages.estimators import Protocol
from cliff_tokens.statistics import unpooled_error

ROLLOUTS = 16  # of the chain's potential


def simulate(cliffs, chain, repetitions, estimators=("independent",)):
    return values(
        cliffs, chain["exact"], chain["branches"], chain["traces"], chain["tokens"],
        chain["alternatives"], estimators, Protocol(ROLLOUTS, ROLLOUTS, 1.0), repetitions, TEST,
        CERTAIN, INTERVALS, ["markov"],
    )  # fmt: skip


def test_simulated_false_flags_stay_within_binomial_limits(chain):
    """At every token the chance of a flag is known exactly; their sum has a known spread."""
    exact = chain["exact"].sort_values(["trace_id", "t"], ignore_index=True)
    counts = np.arange(ROLLOUTS + 1)
    drop = (counts[:, None] - counts[None, :]) / ROLLOUTS
    flags = TEST.flags(drop, unpooled_error(counts[:, None], counts[None, :], ROLLOUTS))
    before = stats.binom.pmf(counts, ROLLOUTS, exact["before"].to_numpy()[:, None])
    after = stats.binom.pmf(counts, ROLLOUTS, exact["after"].to_numpy()[:, None])
    chance = np.einsum("ti,ij,tj->t", before, flags, after)
    false = (exact["before"] - exact["after"] <= 0.1).to_numpy()
    repetitions = 50
    found = simulate(tables.empty("cliffs").assign(estimator=""), chain, repetitions)
    row = found[found["model"].eq("markov") & found["kind"].eq("all")].iloc[0]
    # Neighbors share a count, so the variance of the sum is at most thrice the binomial one.
    spread = np.sqrt(3 * (chance * (1 - chance))[false].sum() / repetitions)
    assert abs(row["false_flags"] - chance[false].sum()) < 4 * spread
    assert row["flags_low"] <= row["flags"] <= row["flags_high"]
    assert row["real_flags"] == 0


def test_the_real_protocol_flags_as_often_as_the_simulated_one(chain):
    cliffs = detect(chain["independent"], chain["traces"], chain["tokens"], TEST, CERTAIN)
    found = simulate(cliffs.assign(estimator="independent"), chain, 40)
    row = found[found["model"].eq("markov") & found["kind"].eq("all")].iloc[0]
    assert abs(row["real_flags"] - row["flags"]) < 4 * np.sqrt(row["flags"])
    assert row["real_false_flags"] <= row["real_flags"]


def test_every_estimator_is_simulated_by_kind(chain):
    cliffs = detect(chain["independent"], chain["traces"], chain["tokens"], TEST, CERTAIN)
    names = ["independent", "recycled", "recursive", "adaptive"]
    found = simulate(cliffs.assign(estimator="independent"), chain, 10, names)
    rows = found[found["model"].eq("markov")].set_index(["estimator", "kind"])
    assert rows.index.get_level_values("estimator").unique().tolist() == names
    # No drop exceeds 1 - q, so that recursions flag nothing where the sampler had no choice.
    assert rows.loc[("recursive", "deterministic"), "flags"] == 0
    assert rows.loc[("recycled", "deterministic"), "flags"] == 0
    overall = rows.xs("all", level="kind")
    assert overall["recall"]["recycled"] > overall["recall"]["independent"]
    assert overall["recall"]["adaptive"] > overall["recall"]["recursive"]
    expected = 1 - overall["false_flags"] / overall["flags"]
    np.testing.assert_allclose(overall["precision"], expected)
    assert overall["real_flags"].to_dict() == dict.fromkeys(names, 0) | {"independent": len(cliffs)}

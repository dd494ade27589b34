"""Simulated catalogues against what is known of a Markov chain, and against real rollouts."""

import numpy as np
import pandas as pd
from helpers.exhibits import INTERVALS, words
from helpers.synthetic import CERTAIN, TEST
from scipy import stats

from cliff_tokens import tables
from cliff_tokens.exhibits.figure_catalogues import draw, values
from cliff_tokens.stages.cliffs import detect
from cliff_tokens.stages.estimators import Protocol
from cliff_tokens.stages.passes import CATALOGUES, simulate_flags
from cliff_tokens.stages.simulated_draws import Truth
from cliff_tokens.statistics import unpooled_error

ROLLOUTS = 16  # of the chain's potential
NO_AUDIT = tables.empty("audit")


def simulate(cliffs, chain, repetitions, audit=NO_AUDIT):
    truth = Truth(
        *(chain[name] for name in ("traces", "tokens", "alternatives", "exact", "branches"))
    )
    protocol = Protocol(ROLLOUTS, ROLLOUTS, 1.0)
    flags = simulate_flags(truth, protocol, ROLLOUTS, repetitions, TEST, seed=1)
    found = values(
        cliffs.assign(estimator="independent"), audit, chain["exact"], flags, chain["traces"],
        chain["tokens"], ["independent"], repetitions, TEST.margin, CERTAIN, INTERVALS, ["markov"],
    )  # fmt: skip
    counted = found["estimator"].isin(["independent", "audited"])
    assert (found["real_flags"].notna() == counted).all()
    return found[found["model"].eq("markov")].set_index(["estimator", "kind"])


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
    row = simulate(tables.empty("cliffs"), chain, repetitions).loc[("independent", "all")]
    # Neighbors share a count, so the variance of the sum is at most thrice the binomial one.
    spread = np.sqrt(3 * (chance * (1 - chance))[false].sum() / repetitions)
    assert abs(row["false_flags"] - chance[false].sum()) < 4 * spread
    assert row["flags_low"] <= row["flags"] <= row["flags_high"]
    assert row["real_flags"] == 0


def test_the_real_protocol_flags_as_often_as_the_simulated_one(chain):
    cliffs = detect(chain["independent"], chain["traces"], chain["tokens"], TEST, CERTAIN)
    row = simulate(cliffs, chain, 40).loc[("independent", "all")]
    assert abs(row["real_flags"] - row["flags"]) < 4 * np.sqrt(row["flags"])
    assert row["real_false_flags"] <= row["real_flags"]


def test_every_catalogue_is_simulated_by_kind(chain):
    cliffs = detect(chain["independent"], chain["traces"], chain["tokens"], TEST, CERTAIN)
    rows = simulate(cliffs, chain, 10)
    assert rows.index.get_level_values("estimator").unique().tolist() == list(CATALOGUES)
    # No drop exceeds 1 - q, so that recursions flag nothing where the sampler had no choice.
    for name in ("audited", "recycled", "recursive"):
        assert rows.loc[(name, "deterministic"), "flags"] == 0
    overall = rows.xs("all", level="kind")
    assert overall["recall"]["recycled"] > overall["recall"]["independent"]
    assert overall["recall"]["adaptive"] > overall["recall"]["recursive"]
    # An audit keeps fewer, and of these more are true.
    assert overall["recall"]["audited"] < overall["recall"]["independent"]
    assert overall["precision"]["audited"] > overall["precision"]["independent"]
    expected = 1 - overall["false_flags"] / overall["flags"]
    np.testing.assert_allclose(overall["precision"], expected)
    expected = (overall["flags"] - overall["false_flags"]) / overall["true_drops"]
    np.testing.assert_allclose(overall["recall"], expected)
    for rate in ("precision", "recall"):
        low, high = overall[f"{rate}_low"], overall[f"{rate}_high"]
        # Where every problem agrees nothing tells how far they could differ.
        assert (overall[rate].between(low, high) | overall[rate].eq(1)).all()
    assert overall["real_flags"]["independent"] == len(cliffs)


def test_what_an_audit_left_is_counted_beside_its_simulation(chain):
    cliffs = detect(chain["independent"], chain["traces"], chain["tokens"], TEST, CERTAIN)
    audit = cliffs[["cliff_id"]].assign(possible=True, confirmed=np.arange(len(cliffs)) < 2)
    assert simulate(cliffs, chain, 2, audit).loc[("audited", "all"), "real_flags"] == 2


def test_catalogues_are_drawn_by_kind(chain):
    cliffs = detect(chain["independent"], chain["traces"], chain["tokens"], TEST, CERTAIN)
    found = simulate(cliffs, chain, 2).reset_index()
    other = found.assign(model="another-model-of-8b", true_drops=found["true_drops"] + 1)
    figure = draw(pd.concat([found, other]))
    assert {*CATALOGUES, "markov", "another-model-of-8b"} <= set(words(figure))
    labels = [axes.get_ylabel() for axes in figure.axes[::2]]
    assert labels == ["precision (share)", "recall (share)"]
    true = found.query("estimator == 'recursive'").set_index("kind")["true_drops"]
    for axes, more in zip(figure.axes[-2:], (0, 1), strict=True):
        ticks = [label.get_text() for label in axes.get_xticklabels()]
        assert ticks[-1] == f"all\n{true['all'] + more} true"

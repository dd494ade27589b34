"""Cliffs in counts of any origin: numbers by hand and by simulation."""

from math import comb

import numpy as np
import pandas as pd
import pytest
from helpers.counts import counts_of, frame
from scipy import stats

from cliff_tokens.__main__ import main
from cliff_tokens.detection import detect_counts, measure_drops
from cliff_tokens.stages.audit import chance, exact_p
from cliff_tokens.stages.cliff_test import CliffTest, flag_probability
from cliff_tokens.stages.independent import estimate_independent
from cliff_tokens.statistics import unpooled_error


def test_a_drop_is_measured_between_shares_of_other_numbers_of_rollouts():
    drops = measure_drops(frame())
    # Prefixes 48/64, 24/32, 16/64, 8/16, then the verdict: the cliff at t blames token t.
    assert drops["t"].tolist() == [1, 2, 3, 4]
    assert drops["token"].tolist() == ["Add", " 3", ' "NA', "NA"]
    assert drops["before"].tolist() == [0.75, 0.75, 0.25, 0.5]
    assert drops["after"].tolist() == [0.75, 0.25, 0.5, 0]
    assert drops["drop"].tolist() == [0, 0.5, -0.25, 0.5]
    # .1 + 1.645 standard errors; the variance of 3/4 and of 1/4 is 3/16, that of 1/2 is 1/4.
    variances = [
        3 / 16 / 64 + 3 / 16 / 32,
        3 / 16 / 32 + 3 / 16 / 64,
        3 / 16 / 64 + 1 / 4 / 16,
        1 / 4 / 16,
    ]
    assert drops["threshold"].tolist() == pytest.approx(0.1 + 1.645 * np.sqrt(variances))
    assert drops["cliff"].tolist() == [False, True, False, True]
    # No drop exceeds 1 - q: .05 is at most the margin, and where q = 1 nothing can change.
    assert drops["bound"].tolist() == pytest.approx([0.6, 0.05, 0.5, 0])
    assert drops["possible"].tolist() == [True, False, True, False]


def test_cliffs_are_the_flagged_drops_and_nothing_else():
    cliffs = detect_counts(frame())
    assert cliffs["t"].tolist() == [2, 4]
    assert cliffs["trace"].tolist() == ["a", "a"]
    assert list(cliffs) == [
        "trace", "t", "token", "before", "after", "drop", "threshold", "drop_low", "drop_high",
        "p_exact", "bound", "possible",
    ]  # fmt: skip
    assert detect_counts(frame(), margin=0.3)["t"].tolist() == [2]
    assert detect_counts(frame(), z=4)["t"].tolist() == [2]
    assert detect_counts(frame(), margin=0.6).empty


def test_the_exact_p_is_fishers_at_two_numbers_of_rollouts():
    drops = measure_drops(frame())
    for row, table in ((1, [[24, 8], [16, 48]]), (3, [[8, 8], [0, 16]])):
        known = stats.fisher_exact(table, "greater").pvalue
        assert drops["p_exact"][row] == pytest.approx(known, rel=1e-9)


def test_the_interval_is_newcombes_and_the_verdict_has_no_width():
    drops = measure_drops(frame())
    # Wilson at 95 percent: 24/32 has [.5789, .8675], 16/64 has [.1602, .3683].
    assert drops["drop_low"][1] == pytest.approx(
        0.5 - np.hypot(0.75 - 0.5789, 0.3683 - 0.25), abs=2e-4
    )
    assert drops["drop_high"][1] == pytest.approx(
        0.5 + np.hypot(0.8675 - 0.75, 0.25 - 0.1602), abs=2e-4
    )
    # After the last token only the potential before it is uncertain: 8/16 has [.2800, .7200].
    assert [drops["drop_low"][3], drops["drop_high"][3]] == pytest.approx([0.28, 0.72], abs=1e-4)
    narrow = measure_drops(frame(), confidence=0.5)
    assert (
        (narrow["drop_high"] - narrow["drop_low"]) < drops["drop_high"] - drops["drop_low"]
    ).all()


def test_chance_is_the_probability_of_a_flag_given_both_counts_by_enumeration():
    # 3 successes among 4 + 2 rollouts: the first four hold 1, 2 or 3 of them.
    test = CliffTest(0.1, 1.0)
    expected = 0.0
    for first in (1, 2, 3):
        p, q = first / 4, (3 - first) / 2
        error = np.sqrt(p * (1 - p) / 4 + q * (1 - q) / 2)
        if p - q > 0.1 + error:
            expected += comb(4, first) * comb(2, 3 - first) / comb(6, 3)
    assert expected == pytest.approx(4 / 20)  # of three only: 3/4 against 0/2
    assert flag_probability(test, np.array([3]), 4, 2) == pytest.approx([expected])
    assert measure_drops(counts_of([3, 0], [4, 2]), z=1.0)["chance"].tolist() == [
        pytest.approx(0.2)
    ]


def test_chance_of_equal_rollouts_is_the_audits():
    counts = counts_of([40, 30, 31, 12], 64, verdict="correct")
    drops = measure_drops(counts)
    estimates = drops.rename(columns={"trace": "trace_id"})
    np.testing.assert_array_equal(drops["chance"], chance(estimates, 64, CliffTest()))
    assert drops["chance"].tolist()[-1] == 0  # the verdict is no draw


def test_equal_numbers_of_rollouts_keep_the_bits_of_the_published_error():
    before, after = np.arange(65)[:, None], np.arange(65)[None, :]
    apart = unpooled_error(before, after, np.full((65, 65), 64), np.full((65, 65), 64))
    np.testing.assert_array_equal(apart, unpooled_error(before, after, 64))
    mixed = unpooled_error(np.array([7, 7]), np.array([3, 3]), 11, np.array([11, 22]))
    assert mixed[0] == unpooled_error(7, 3, 11)
    assert mixed[1] == pytest.approx(np.sqrt(7 * 4 / 11**3 + 3 * 19 / 22**3))


def test_a_constant_potential_has_no_cliff_however_many_rollouts_there_are():
    counts = counts_of([32, 32, 16, 8], [64, 64, 32, 16])
    drops = measure_drops(counts)
    assert drops["drop"].tolist() == [0, 0, 0]
    assert not drops["cliff"].any()
    potential = counts.rename(columns={"trace": "trace_id"})
    traces = pd.DataFrame({"trace_id": ["a"], "token_ids": [range(4)], "verdict": "incorrect"})
    estimates = estimate_independent(potential, traces)
    assert estimates["before"].tolist() == [0.5] * 4
    assert estimates["after"].tolist() == [0.5, 0.5, 0.5, 0]
    np.testing.assert_allclose(
        exact_p(potential, estimates)[:3],
        [stats.fisher_exact([[32, 32], [c, c]], "greater").pvalue for c in (32, 16)]
        + [stats.fisher_exact([[16, 16], [8, 8]], "greater").pvalue],
    )


@pytest.mark.parametrize(("drop", "least", "most"), [(0.0, 0.0, 0.06), (0.1, 0.035, 0.065)])
def test_false_flags_are_as_rare_as_the_rule_promises(drop, least, most):
    rng = np.random.default_rng(20)
    pairs, levels = 40_000, np.array([16, 32, 64, 128])
    rollouts = rng.choice(levels, 2 * pairs)
    truth = np.repeat(rng.uniform(0.25, 0.75, pairs), 2)
    truth[1::2] -= drop
    counts = pd.DataFrame(
        {
            "trace": np.repeat(np.arange(pairs), 2), "t": np.tile([0, 1], pairs),
            "successes": rng.binomial(rollouts, truth), "rollouts": rollouts,
        }
    )  # fmt: skip
    drops = measure_drops(counts)
    assert len(drops) == pairs  # the last token has no verdict
    assert least <= drops["cliff"].mean() <= most
    sizes = pd.Series(rollouts[::2] < rollouts[1::2])
    if drop:  # whichever side has more rollouts
        assert drops.groupby(sizes)["cliff"].mean().between(0.02, 0.08).all()
    else:
        expected = drops["chance"].sum()
        assert abs(drops["cliff"].sum() - expected) < 4 * np.sqrt(expected)


def test_without_a_verdict_the_last_token_is_not_tested(tmp_path, capsys):
    counts = frame().drop(columns="verdict")
    assert measure_drops(counts)["t"].tolist() == [1, 2, 3]
    counts.to_csv(tmp_path / "counts.csv", index=False)
    assert main(["detect", str(tmp_path / "counts.csv")]) == 0
    shown = capsys.readouterr()
    assert "the last token of each trace is not tested" in shown.err
    assert "1 cliff among 3 tokens" in shown.out
    one = counts_of([3], [4])
    assert detect_counts(one).empty
    assert detect_counts(one.assign(verdict=False))["t"].tolist() == [1]


def test_counts_of_which_no_token_can_be_tested_are_refused(tmp_path, capsys):
    # Two names by a blank at the end of one.
    path = tmp_path / "counts.csv"
    path.write_text("trace,t,successes,rollouts\na,0,60,64\na ,0,3,64\n")
    assert main(["detect", str(path)]) != 0
    assert "no token can be tested, as no trace ('a', 'a ' ...) has" in capsys.readouterr().err


def test_traces_are_tested_apart_in_the_order_they_came_in():
    late = counts_of([0, 0], 8, verdict="correct")
    early = counts_of([8, 8], 8, verdict="correct").assign(trace="b")
    drops = measure_drops(pd.concat([early, late]).iloc[[3, 1, 2, 0]])
    assert drops["trace"].tolist() == ["a", "a", "b", "b"]
    assert drops["t"].tolist() == [1, 2, 1, 2]
    assert drops["after"].tolist() == [0, 1, 1, 1]

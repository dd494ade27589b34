"""Summaries against numbers counted by hand, and on runs that lack something."""

import numpy as np
import pandas as pd
import pytest
from helpers import synthetic

from cliff_tokens import formatting
from cliff_tokens.exhibits import summaries
from cliff_tokens.statistics import Intervals, wilson

INTERVALS = Intervals(confidence=0.95, repetitions=200, seed=1)
DROPS = [0.1, 0.2, 0.3, 0.4]


@pytest.fixture(scope="module")
def run():
    return synthetic.run(always_correct=("large",))


@pytest.fixture(scope="module")
def quiet():
    """A run without any cliff."""
    return synthetic.run(problems=4, jump=0)


def everything(run, **names):
    """Every summary of a run."""
    traces, tokens, cliffs = run["traces"], run["tokens"], run["cliffs"]
    models = {"models": names["models"]} if names else {}
    return {
        "accuracy": summaries.accuracy(traces, cliffs, INTERVALS, **names),
        "prevalence": summaries.prevalence(traces, cliffs, INTERVALS, **names),
        "taxonomy": summaries.taxonomy_shares(
            tokens, cliffs, synthetic.CERTAIN, INTERVALS, **models
        ),
        "greedy": summaries.greedy_ratio(tokens, cliffs, INTERVALS, **models),
        "entropy": summaries.entropy_by_greedy(
            tokens, cliffs, synthetic.CERTAIN, INTERVALS, **models
        ),
        "shares": summaries.entropy_shares(tokens, cliffs, synthetic.CERTAIN, INTERVALS, **models),
        "thresholds": summaries.fixed_thresholds(
            run["estimates"], traces, DROPS, synthetic.TEST, INTERVALS, **models
        ),
        "pass_at_k": summaries.pass_at_k(
            run["resampling"], cliffs, "incorrect", INTERVALS, **names
        ),
    }


def rates(frame):
    return [name for name in frame if f"{name}_low" in frame]


def cell(frame, **where):
    """The one row with these labels."""
    for name, value in where.items():
        frame = frame[frame[name].eq(value)]
    assert len(frame) == 1
    return frame.iloc[0]


def test_every_rate_has_n_and_an_interval_that_holds_it(run):
    for name, frame in everything(run).items():
        assert rates(frame), name
        for rate in rates(frame):
            known = frame.dropna(subset=[rate, f"{rate}_low"])
            assert (known[f"{rate}_low"] <= known[rate] + 1e-12).all(), (name, rate)
            assert (known[f"{rate}_high"] >= known[rate] - 1e-12).all(), (name, rate)
        assert frame.loc[frame["n"].eq(0), rates(frame)[0]].isna().all(), name


def test_accuracy_counts_verdicts_and_cliffs(run):
    traces, cliffs = run["traces"], run["cliffs"]
    frame = summaries.accuracy(traces, cliffs, INTERVALS)
    row = cell(frame, model="small", dataset="chains")
    own = traces[traces["model"].eq("small") & traces["dataset"].eq("chains")]
    found = cliffs[cliffs["trace_id"].isin(own["trace_id"])]
    correct = int(own["verdict"].eq("correct").sum())
    assert (row["n"], row["correct"], row["cliffs"]) == (12, correct, len(found))
    assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx(wilson(correct, 12, 0.95))
    assert row["share_with_cliff"] == found["trace_id"].nunique() / 12
    tokens = own["token_ids"].map(len).sum()
    assert row["cliffs_per_1000_tokens"] == pytest.approx(1000 * len(found) / tokens)
    assert row["unparsed"] == row["truncated"] == own["verdict"].eq("unparsed").sum()


def test_pooled_rows_add_up(run):
    frame = summaries.accuracy(run["traces"], run["cliffs"], INTERVALS)
    counts = ["n", "correct", "unparsed", "cliffs", "tokens"]
    sums = frame[frame["dataset"].ne("all")].groupby("model")[counts].sum()
    pooled = frame[frame["dataset"].eq("all")].set_index("model")[counts]
    pd.testing.assert_frame_equal(sums, pooled.sort_index())


def test_a_model_without_incorrect_traces_keeps_its_row(run):
    frame = summaries.prevalence(run["traces"], run["cliffs"], INTERVALS)
    row = cell(frame, model="large", dataset="all", outcome="incorrect")
    assert row["n"] == 0
    assert np.isnan([row["share_with_cliff"], row["cliffs_per_trace_low"]]).all()
    assert cell(frame, model="large", dataset="all", outcome="correct")["n"] == 24


def test_a_run_without_cliffs_has_rates_of_zero_for_traces_and_none_for_cliffs(quiet):
    assert quiet["cliffs"].empty
    frames = everything(quiet, models=["small", "large"], datasets=["chains", "factors"])
    assert (frames["accuracy"]["share_with_cliff"] == 0).all()
    assert (frames["accuracy"]["share_with_cliff_high"] > 0).all()
    assert (frames["taxonomy"]["n"] == 0).all()
    assert frames["taxonomy"]["share"].isna().all()
    assert frames["taxonomy"]["baseline"].notna().all()
    assert len(frames["pass_at_k"]) == 2 * 2 * len(summaries.ARMS)
    assert frames["pass_at_k"]["mean"].isna().all()


def test_rows_stand_in_the_order_that_is_passed_or_of_first_appearance(run):
    names = {"models": ["small", "none", "large"], "datasets": ["factors", "chains"]}
    passed = everything(run, **names)
    for frame in passed.values():
        assert [name for name in pd.unique(frame["model"]) if name != "all"] == names["models"]
    datasets = pd.unique(passed["accuracy"]["dataset"]).tolist()
    assert datasets == ["factors", "chains", "all"]
    assert (passed["accuracy"].query("model == 'none'")["n"] == 0).all()
    found = pd.unique(run["traces"]["model"]).tolist()
    assert pd.unique(everything(run)["accuracy"]["model"]).tolist() == found


def test_kinds_are_divided_as_the_cliffs_are(run):
    frame = summaries.taxonomy_shares(run["tokens"], run["cliffs"], synthetic.CERTAIN, INTERVALS)
    for model, rows in frame.groupby("model"):
        own = run["cliffs"] if model == "all" else run["cliffs"].query("model == @model")
        counted = rows.set_index("kind")["cliffs"]
        assert counted[counted > 0].to_dict() == own["kind"].value_counts().to_dict()
        assert rows["share"].sum() == pytest.approx(1)
        assert rows["baseline"].sum() == pytest.approx(1)


def test_entropy_by_greedy_is_the_taxonomy_by_another_name(run):
    args = run["tokens"], run["cliffs"], synthetic.CERTAIN, INTERVALS
    kinds = summaries.taxonomy_shares(*args).set_index(["model", "kind"])
    table = summaries.entropy_by_greedy(*args).set_index(["model", "entropy", "greedy"])
    for kind, entropy, greedy in [
        ("deterministic", "low", "yes"),
        ("uncertain", "high", "yes"),
        ("sampled_off", "high", "no"),
        ("other", "low", "no"),
    ]:
        pd.testing.assert_series_equal(
            kinds.loc[("all", kind)], table.loc[("all", entropy, greedy)], check_names=False
        )


def test_greedy_ratio_divides_two_shares(run):
    frame = summaries.greedy_ratio(run["tokens"], run["cliffs"], INTERVALS)
    row = cell(frame, model="all")
    share, baseline = run["cliffs"]["rank"].eq(1).mean(), run["tokens"]["rank"].eq(1).mean()
    assert row["ratio"] == pytest.approx(share / baseline)
    assert row["ratio_low"] < row["ratio"] < row["ratio_high"]


def test_the_published_rule_flags_the_catalogue_and_fixed_drops_nest(run):
    args = run["estimates"], run["traces"], DROPS, synthetic.TEST, INTERVALS
    frame = summaries.fixed_thresholds(*args)
    published = frame[frame["rule"].eq(summaries.PUBLISHED)]
    assert published["flags"].sum() == len(run["cliffs"])
    assert published["flagged"].sum() == run["cliffs"]["trace_id"].nunique()
    fixed = frame[frame["drop"].notna()].groupby("drop")["flags"].sum()
    assert fixed.index.tolist() == DROPS
    assert fixed.is_monotonic_decreasing


def test_pass_at_1_is_the_mean_of_the_counts(run):
    frame = summaries.pass_at_k(run["resampling"], run["cliffs"], "correct", INTERVALS)
    assert pd.unique(frame["k"]).tolist() == [1, 2, 4, 8, 16, 32, 64]
    chosen = run["cliffs"].query("model == 'large' and dataset == 'chains'")["cliff_id"]
    for arm in summaries.ARMS:
        counts = run["resampling"][
            run["resampling"]["cliff_id"].isin(chosen) & run["resampling"]["arm"].eq(arm)
        ]
        row = cell(frame, model="large", dataset="chains", arm=arm, k=1)
        assert row["n"] == len(counts)
        assert row["mean"] == pytest.approx((counts["successes"] / 64).mean())


def test_a_cliff_without_a_control_has_no_control_rows(run):
    frame = summaries.pass_at_k(run["resampling"], run["cliffs"], "incorrect", INTERVALS)
    n = frame[frame["k"].eq(1)].groupby("arm")["n"].sum()
    assert n["control_del"] == n["control_keep"] < n["del"] == n["keep"]


def test_first_cliffs_are_one_a_trace(run):
    args = run["resampling"], run["cliffs"], "incorrect", INTERVALS
    frame = summaries.pass_at_k(*args, which="first", ks=[1])
    incorrect = run["cliffs"].query("outcome == 'incorrect'")
    assert frame.query("arm == 'del'")["n"].sum() == incorrect["trace_id"].nunique()


@pytest.mark.parametrize("change", [{"outcome": "failed"}, {"which": "last"}, {"ks": [65]}])
def test_pass_at_k_refuses_unknown_choices(run, change):
    args = {"outcome": "incorrect"} | change
    with pytest.raises(ValueError, match=r"must be"):
        summaries.pass_at_k(run["resampling"], run["cliffs"], intervals=INTERVALS, **args)


def test_cliffs_of_a_trace_that_is_missing_are_an_error(run):
    traces = run["traces"][run["traces"]["trace_id"].ne(run["cliffs"]["trace_id"].iloc[0])]
    with pytest.raises(ValueError, match="not among the traces"):
        summaries.accuracy(traces, run["cliffs"], INTERVALS)
    with pytest.raises(ValueError, match="not among the cliffs"):
        summaries.pass_at_k(run["resampling"], run["cliffs"].iloc[1:], "incorrect", INTERVALS)


def outset_by_hand():
    """Four traces of data set d: potentials at the prompt, verdicts and cliffs as listed."""
    listed = {"p1": (0.0, "incorrect", 0), "p2": (0.0, "incorrect", 1), "p3": (0.5, "incorrect", 2)}
    listed |= {"p4": (0.25, "correct", 0)}
    names = [f"m/d/{name}/0" for name in listed]
    traces = pd.DataFrame(
        {
            "trace_id": names, "model": "m", "dataset": "d", "problem_id": list(listed),
            "verdict": [row[1] for row in listed.values()], "finish": "stop",
            "token_ids": [[1, 2]] * 4,
        }
    )  # fmt: skip
    estimates = pd.concat(
        pd.DataFrame({"trace_id": name, "t": [1, 2], "before": [row[0], 0.75]})
        for name, row in zip(names, listed.values(), strict=True)
    )
    cliffs = pd.DataFrame({"trace_id": np.repeat(names, [row[2] for row in listed.values()])})
    return estimates, traces, cliffs


def test_the_boundary_counts_traces_that_start_at_zero_and_their_cliffs():
    estimates, traces, cliffs = outset_by_hand()
    frame = summaries.boundary(estimates, traces, cliffs, 64, INTERVALS)
    row = cell(frame, dataset="d")
    assert (row["n"], row["at_zero"], row["incorrect"]) == (4, 2, 3)
    assert row["outset"] == pytest.approx((0.5 + 0.25) / 4)
    assert (row["cliffs_at_zero"], row["cliffs_elsewhere"]) == (1, 2)
    assert (row["cliffs_per_trace_at_zero"], row["cliffs_per_trace_elsewhere"]) == (0.5, 1)
    # p1 alone is incorrect without a cliff.
    assert (row["without_cliff"], row["share_without_cliff"]) == (1, pytest.approx(1 / 3))
    # Wilson, none of n: z2 / (n + z2), with z2 = 1.96 ** 2 = 3.84.
    assert row["zero_high"] == pytest.approx(3.8415 / (64 + 3.8415), rel=1e-4)
    again = summaries.boundary(estimates, traces.iloc[::-1], cliffs, 64, INTERVALS)
    pd.testing.assert_frame_equal(frame, again)


def test_the_boundary_of_a_cell_without_traces_is_not_measured():
    args = *outset_by_hand(), 64, INTERVALS
    frame = summaries.boundary(*args, models=["m", "none"], datasets=["d", "e"])
    for where in ({"model": "none", "dataset": "d"}, {"model": "m", "dataset": "e"}):
        row = cell(frame, **where)
        assert (row["n"], row["at_zero"], row["cliffs_at_zero"]) == (0, 0, 0)
        assert np.isnan(
            [row["outset"], row["share_at_zero"], row["cliffs_per_trace_elsewhere"]]
        ).all()


def test_a_trace_without_an_estimate_at_the_prompt_is_refused_by_name():
    estimates, traces, cliffs = outset_by_hand()
    lacking = estimates[estimates["trace_id"].ne("m/d/p3/0") | estimates["t"].ne(1)]
    with pytest.raises(ValueError, match="m/d/p3/0: has no estimate at the bare prompt"):
        summaries.boundary(lacking, traces, cliffs, 64, INTERVALS)


def test_problem_ids_may_hold_slashes():
    frame = pd.DataFrame({"trace_id": ["m/d/algebra/7/0", "m/d/algebra/7/1", "m/d/algebra/8/0"]})
    frame["entropy"] = [0.0, 1.0, 2.0]
    (owners,) = summaries.owners_of(frame)
    assert owners["model"].tolist() == ["m"] * 3
    assert owners["cluster"].tolist() == [0, 0, 1]
    assert summaries.by_model(frame, "entropy")["m"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("triple", "text"),
    [
        ((0.62, 0.51, 0.72), "0.62 [0.51, 0.72]"),
        ((0.62, np.nan, np.nan), "0.62"),
        ((np.nan, np.nan, np.nan), "–"),
        ((0.0123, 0.0101, 0.0234), "0.012 [0.010, 0.023]"),
        ((0.0, 0.0, 0.2), "0.00 [0.00, 0.20]"),
    ],
)
def test_an_estimate_is_written_with_its_interval(triple, text):
    assert formatting.format_interval(*triple) == text


def test_markdown_has_one_cell_for_a_rate_and_escapes_bars(run):
    frame = summaries.accuracy(run["traces"], run["cliffs"], INTERVALS)
    frame["model"] = "a|b"
    lines = formatting.format_markdown(frame).splitlines()
    assert len(lines) == 2 + len(frame)
    assert "share with cliff" in lines[0]
    assert "low" not in lines[0]
    assert "a\\|b" in lines[2]
    assert lines[1].startswith("|:--")

"""Figures 16 and 17: pass@k with the cliff token deleted and kept."""

import pandas as pd
import pytest
from helpers.exhibits import cell, show, values, words

from cliff_tokens.exhibits import figure_16_pass_at_k_incorrect, figure_17_pass_at_k_correct
from cliff_tokens.exhibits.pass_at_k import ARMS, CONTRASTS


def test_both_figures_are_of_one_module():
    assert figure_16_pass_at_k_incorrect.values is figure_17_pass_at_k_correct.values


def test_pass_at_1_is_the_mean_of_the_counts(given):
    frame = values("pass_at_k", given, outcome="correct")
    assert pd.unique(frame["k"]).tolist() == [1, 2, 4, 8, 16, 32, 64]
    assert pd.unique(frame["outcome"]).tolist() == ["correct"]
    chosen = given["cliffs"].query("model == 'large' and dataset == 'chains'")["cliff_id"]
    for arm in ARMS:
        counts = given["resampling"][
            given["resampling"]["cliff_id"].isin(chosen) & given["resampling"]["arm"].eq(arm)
        ]
        row = cell(frame, model="large", dataset="chains", arm=arm, k=1)
        assert row["n"] == len(counts)
        assert row["mean"] == pytest.approx((counts["successes"] / 64).mean())


def test_a_cliff_without_a_control_has_no_control_rows(given):
    frame = values("pass_at_k", given, outcome="incorrect")
    n = frame[frame["k"].eq(1)].groupby("arm")["n"].sum()
    assert n["control_del"] == n["control_keep"] < n["del"] == n["keep"]


def test_controls_that_are_cliffs_are_counted(given):
    cliffs, arms = given["cliffs"], given["resampling"].copy()
    chosen = cliffs.query("outcome == 'incorrect' and model == 'small' and dataset == 'chains'")
    control = arms["arm"].eq("control_del") & arms["cliff_id"].isin(chosen["cliff_id"])
    # The first two controls become cliffs, the others tokens of no trace.
    arms.loc[control, "trace_id"] = "none"
    two = arms.index[control][:2]
    arms.loc[two, "trace_id"] = cliffs["trace_id"].iloc[:2].to_numpy()
    arms.loc[two, "prefix_t"] = cliffs["t"].iloc[:2].to_numpy() - 1
    frame = values("pass_at_k", given, outcome="incorrect", resampling=arms)
    row = cell(frame, model="small", dataset="chains", arm="cliff_less_control", k=1)
    assert (row["cliffs"], row["n"]) == (2, control.sum())
    of_cliffs = frame[frame["arm"].isin(["del", "keep", "del_less_keep"])]
    assert (of_cliffs["cliffs"] == of_cliffs["n"]).all()


def test_first_cliffs_are_one_a_trace(given):
    first = given["cliffs"].query("ordinal == 1")
    arms = given["resampling"]
    arms = arms[arms["cliff_id"].isin(first["cliff_id"])]
    frame = values("pass_at_k", given, outcome="incorrect", cliffs=first, resampling=arms)
    incorrect = given["cliffs"].query("outcome == 'incorrect'")
    deleted = frame[frame["arm"].eq("del") & frame["k"].eq(1)]
    assert deleted["n"].sum() == incorrect["trace_id"].nunique()


def test_an_unknown_outcome_is_refused(given):
    with pytest.raises(ValueError, match=r"outcome must be"):
        values("pass_at_k", given, outcome="failed")


def test_a_cliff_that_was_resampled_but_is_not_known_is_refused(given):
    with pytest.raises(ValueError, match="not among the cliffs"):
        values("pass_at_k", given, outcome="incorrect", cliffs=given["cliffs"].iloc[1:])


def test_panels_without_cliffs_say_so(given):
    texts = words(show("pass_at_k", given, outcome="incorrect")[1])
    assert texts.count("no cliffs on\nincorrect traces") == 3


def test_every_panel_states_its_counts(given):
    frame, figure = show("pass_at_k", given, outcome="incorrect")
    first = frame[frame["k"].eq(1)]
    for axes, (_, panel) in zip(
        figure.axes, first.groupby(["dataset", "model"], sort=False), strict=False
    ):
        assert "n = " in axes.get_title()
        assert len(panel) == len(ARMS) + len(CONTRASTS)


def test_contrasts_are_paired_cliff_by_cliff(given):
    frame = values("pass_at_k", given, outcome="correct")
    cliffs = given["cliffs"]
    chosen = cliffs["model"].eq("large") & cliffs["dataset"].eq("chains")
    chosen = cliffs.loc[chosen & cliffs["outcome"].eq("correct"), "cliff_id"]
    arms = given["resampling"][given["resampling"]["cliff_id"].isin(chosen)]
    counts = arms.pivot(index="cliff_id", columns="arm", values="successes") / 64
    of_cliff = counts["del"] - counts["keep"]
    of_control = (counts["control_del"] - counts["control_keep"]).dropna()
    expected = {
        "del_less_keep": of_cliff,
        "control_del_less_keep": of_control,
        "cliff_less_control": (of_cliff - of_control).dropna(),
    }
    assert len(of_control) < len(of_cliff)  # controls are lacking, and the cliffs without them
    for arm, drops in expected.items():
        row = cell(frame, model="large", dataset="chains", arm=arm, k=1)
        assert row["n"] == len(drops)
        assert row["mean"] == pytest.approx(drops.mean())
    row = cell(frame, model="large", dataset="chains", arm="del_less_keep", k=1)
    assert row["mean_low"] < row["mean"] < row["mean_high"]

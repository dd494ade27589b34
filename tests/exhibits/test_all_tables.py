"""What holds of every table and of the values of every figure that has rates."""

import pandas as pd
import pytest
from helpers.exhibits import values

from cliff_tokens.exhibits.pass_at_k import ARMS, CONTRASTS

NAMES = (
    "table_accuracy",
    "figure_02_share_with_cliff",
    "figure_03_cliffs_per_trace",
    "table_taxonomy",
    "table_greedy_ratio",
    "table_entropy_by_greedy",
    "figure_15_entropy_density",
    "table_fixed_thresholds",
    "pass_at_k",
    "figure_prevalence_null",
    "table_boundary",
    "table_hazard",
    "table_temperature",
    "table_agreement",
    "table_audit",
)


def rates(frame):
    return [name for name in frame if f"{name}_low" in frame]


@pytest.mark.parametrize("name", NAMES)
def test_every_rate_has_n_and_an_interval_that_holds_it(given, name):
    frame = values(name, given, outcome="incorrect")
    assert rates(frame)
    for rate in rates(frame):
        known = frame.dropna(subset=[rate, f"{rate}_low"])
        assert (known[f"{rate}_low"] <= known[rate] + 1e-12).all(), rate
        assert (known[f"{rate}_high"] >= known[rate] - 1e-12).all(), rate
    if name != "table_audit":  # n counts the flags; its first rate is of tokens
        assert frame.loc[frame["n"].eq(0), rates(frame)[0]].isna().all()


def test_a_run_without_cliffs_has_rates_of_zero_for_traces_and_none_for_cliffs(quiet):
    assert quiet["cliffs"].empty
    accuracy = values("table_accuracy", quiet)
    assert (accuracy["share_with_cliff"] == 0).all()
    assert (accuracy["share_with_cliff_high"] > 0).all()
    taxonomy = values("table_taxonomy", quiet)
    assert (taxonomy["n"] == 0).all()
    assert taxonomy["share"].isna().all()
    assert taxonomy["baseline"].notna().all()
    arms = values("pass_at_k", quiet, outcome="incorrect")
    assert len(arms) == 2 * 2 * len([*ARMS, *CONTRASTS])
    assert arms["mean"].isna().all()
    hazard = values("table_hazard", quiet)
    assert (hazard["n"] == 0).all()
    assert hazard["cliff_mass"].isna().all()
    temperature = values("table_temperature", quiet)
    assert (temperature["n"] == 0).all()
    assert temperature["potential"].isna().all()
    audit = values("table_audit", quiet)
    assert (audit["n"] == 0).all()
    assert audit["share_impossible"].isna().all()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "table_agreement"])
def test_rows_stand_in_the_order_that_is_passed(given, name):
    names = {"models": ["small", "none", "large"], "datasets": ["factors", "chains"]}
    frame = values(name, given, outcome="incorrect", **names)
    models = [model for model in pd.unique(frame["model"]) if model != "all"]
    assert models == names["models"]
    assert (frame.query("model == 'none'")["n"] == 0).all()
    if "dataset" in frame and name != "pass_at_k":
        assert pd.unique(frame["dataset"]).tolist() == ["factors", "chains", "all"]


@pytest.mark.parametrize("name", NAMES)
def test_values_do_not_depend_on_the_order_of_rows(given, name):
    frames = {key: frame for key, frame in given.items() if isinstance(frame, pd.DataFrame)}
    mixed = {key: frame.sample(frac=1, random_state=1) for key, frame in frames.items()}
    one, other = (values(name, given, outcome="incorrect", **change) for change in ({}, mixed))
    pd.testing.assert_frame_equal(one, other, check_exact=False)

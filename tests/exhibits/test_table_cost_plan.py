"""The cost of a run from its configuration, by arithmetic and against what traces show."""

import numpy as np
import pandas as pd
import pytest
from helpers import synthetic
from helpers.exhibits import INTERVALS

from cliff_tokens.exhibits.cost_model import predict
from cliff_tokens.exhibits.table_cost_plan import (
    Assumptions,
    Budget,
    TraceSet,
    Work,
    list_works,
    plan,
    total,
)
from cliff_tokens.stages.estimators import Protocol

N = {"rollouts": 64, "branches": 32}
ASSUMED = Assumptions(spread=0.5, choices=0.1, leaving=0.5, cliffs=0.4, incorrect=0.3)
BUDGET = Budget(resampling=32, candidates=16, top=20, cut_points=8)
STAGES = (
    "traces", "independent", "recursive", "resampling", "candidates", "forks", "cut_points",
)  # fmt: skip


def planned(datasets, limit=None, speed=None, **changes):
    works = [Work("analysis", name, 2, STAGES, **N, **changes) for name in datasets]
    return plan(works, datasets, limit, BUDGET, ASSUMED, speed).set_index(["dataset", "stage"])


def test_a_plan_is_arithmetic_on_what_is_expected():
    found = planned({"a": {"problems": 10, "tokens": 100}}, speed=1000).loc["a"]
    assert (found["n"] == 20).all()  # 10 problems, two answers each
    # E T^2 = 1.25 * 100^2 = 12500; branches at a token 0.1 * (32 * 0.5 + 0.5) = 1.65
    at_cliffs = 0.4 * np.array([4 * 32, 20 * 16, 2 * 16])
    rollouts = np.array([1, 64 * 100, 1.65 * 100, *at_cliffs, 4 * 8 * 0.3])
    tokens = [100, 64 * 6300, 1.65 * 6200, *(at_cliffs * 50), 32 * 0.3 * 62.5]
    assert found.index.tolist() == list(STAGES)
    np.testing.assert_allclose(found["rollouts"].astype(float), 20 * rollouts)
    np.testing.assert_allclose(found["generated_tokens"].astype(float), 20 * np.array(tokens))
    np.testing.assert_allclose(found["hours"].astype(float), 20 * np.array(tokens) / 3.6e6)


def test_a_second_catalogue_is_resampled_too_and_has_candidates_too():
    known = {"a": {"problems": 10, "tokens": 100}}
    one, two = (planned(known, catalogues=count).loc["a", "rollouts"] for count in (1, 2))
    assert (two / one).to_dict() == dict.fromkeys(STAGES, 1) | {"resampling": 2, "candidates": 2}


def test_independent_rollouts_are_planned_on_the_subset_only():
    known = {"a": {"problems": 10, "tokens": 100}}
    every, some, most = (planned(known, subset=count).loc["a", "n"] for count in (None, 4, 40))
    assert (some / every).to_dict() == dict.fromkeys(STAGES, 1) | {"independent": 0.4}
    assert most.equals(every)


def test_a_purpose_has_rows_and_a_sum_of_its_own():
    known = {"problems": 10, "tokens": 100}
    works = [
        Work("analysis", "a", 1, ("traces", "recursive"), **N),
        Work("evaluation", "a", 3, ("traces",)),
        Work("evaluation", "b", 4, ("traces",)),
    ]
    found = plan(works, {"a": known, "b": known}, None, BUDGET, ASSUMED, None)
    found = found.set_index(["purpose", "stage", "dataset"])["n"]
    assert found.to_dict() == {
        ("analysis", "traces", "a"): 10,
        ("analysis", "recursive", "a"): 10,
        ("evaluation", "traces", "a"): 30,
        ("evaluation", "traces", "b"): 40,
        ("analysis", "traces", "all"): 10,
        ("analysis", "recursive", "all"): 10,
        ("evaluation", "traces", "all"): 70,
    }


def test_a_plan_leaves_empty_what_it_cannot_know_and_obeys_the_limit_on_problems():
    known = {"problems": 10, "tokens": 100}
    found = planned({"a": known, "b": None}, limit=3)
    assert (found.loc["a", "n"] == 6).all()
    assert found.loc[["b", "all"], ["n", "rollouts", "generated_tokens"]].isna().all(axis=None)
    assert found["hours"].isna().all()


def test_a_run_works_for_four_purposes():
    analysis = TraceSet(
        ["s", "l"],
        ["a", "b"],
        samples=1,
        **N,
        catalogues=["x", "x"],
        estimators=["recursive"],
        subset={"b": 3},
    )
    training = TraceSet(
        ["s"], ["t"], samples=2, **N, catalogues=["x", "y"], estimators=["recursive"]
    )
    policies = {"model": ["s"], "variant": ["base", "all", "cdpo"], "seed": [1, 2]}
    evaluation = {
        "datasets": [{"name": "e", "samples": 4, "in_domain": True}],
        "recount": {"datasets": ["a"], "samples": 3, "rollouts": 16},
    }
    works = list_works(analysis, training, policies, evaluation)
    assert [(work.purpose, work.dataset, work.answers) for work in works] == [
        ("analysis", "a", 2),
        ("analysis", "b", 2),
        ("training", "t", 2),
        ("recount", "a", 6 * 3),
        ("evaluation", "e", 6 * 5),  # greedily once, besides
    ]
    assert [work.subset for work in works] == [None, 3, None, None, None]
    assert [(work.rollouts, work.branches, work.catalogues) for work in works] == [
        (64, 32, 1), (64, 32, 1), (64, 32, 2), (0, 16, 1), (0, 0, 1),
    ]  # fmt: skip
    assert "cut_points" in works[0].stages
    assert "cut_points" not in works[2].stages
    assert not any("forks" in work.stages for work in works)
    works = list_works(analysis, training, policies | {"variant": ["base", "forks"]}, evaluation)
    assert ["forks" in work.stages for work in works] == [False, False, True, False, False]
    assert works[3].stages == ["traces", "recursive"]
    assert works[4].stages == ["traces"]


def test_the_sum_takes_of_two_estimators_the_one_that_is_drawn():
    works = [
        Work("analysis", "a", 1, ("traces", "independent", "recursive"), **N),
        Work("training", "a", 1, ("traces", "independent", "recursive"), **N),
        Work("recount", "a", 3, ("traces", "recursive"), **N),
    ]
    found = plan(works, {"a": {"problems": 10, "tokens": 100}}, None, BUDGET, ASSUMED, 1000)
    one = found[found["dataset"].eq("a")].set_index(["purpose", "stage"])["generated_tokens"]

    def traces_of(*estimators):
        return TraceSet(["s"], ["a"], 1, **N, catalogues=[], estimators=estimators)

    sets = {"analysis": traces_of("independent", "adaptive"), "training": traces_of("recursive")}
    (row,) = total(found, sets).to_dict("records")
    assert (row["purpose"], row["stage"], row["dataset"]) == ("all", "all", "all")
    assert row["generated_tokens"] == one.sum() - one["training", "independent"]
    assert row["hours"] == pytest.approx(row["generated_tokens"] / 3.6e6, rel=1e-6)


def test_the_sum_is_empty_where_a_part_is_not_known():
    found = plan([Work("analysis", "a", 1, STAGES, **N)], {"a": None}, None, BUDGET, ASSUMED, 1000)
    row = total(found, {}).iloc[0]
    assert row[["rollouts", "generated_tokens", "hours"]].isna().all()


def test_a_run_that_trains_nothing_works_for_its_analysis_alone():
    analysis = TraceSet(["s"], ["a"], samples=1, **N, catalogues=["x"], estimators=["recursive"])
    training = TraceSet([], ["t"], samples=2, **N, catalogues=["x"], estimators=["recursive"])
    policies = {"model": [], "variant": ["base", "all"], "seed": [1]}
    evaluation = {
        "datasets": [{"name": "e", "samples": 4}],
        "recount": {"datasets": ["a"], "samples": 3, "rollouts": 32},
    }
    works = list_works(analysis, training, policies, evaluation)
    assert [work.purpose for work in works] == ["analysis"]


def test_a_plan_that_assumes_what_traces_show_predicts_what_they_do():
    run = synthetic.run()
    lengths = run["traces"]["token_ids"].map(len)
    q = run["tokens"]["sampler_probability"]
    assumed = Assumptions(
        spread=lengths.std(ddof=0) / lengths.mean(),
        choices=(q < 1).mean(),
        leaving=(1 - q)[q < 1].mean(),
        cliffs=0,
        incorrect=0,
    )
    expected = {"problems": len(lengths), "tokens": lengths.mean()}
    work = Work("analysis", "every", 1, STAGES, **N)
    planned = plan([work], {"every": expected}, None, BUDGET, assumed, None)
    planned = planned[planned["dataset"].eq("all")].set_index("stage")
    models, datasets = ["small", "large"], ["chains", "factors"]
    found = predict(
        run["traces"],
        run["tokens"],
        Protocol(**N, second_round=1.0),
        None,
        INTERVALS,
        models,
        datasets,
    )
    found = found[found["dataset"].eq("all")].groupby("estimator")[["rollouts", "generated_tokens"]]
    found = found.sum()
    # Independent rollouts depend on lengths alone, of which two moments are all there is to know.
    pd.testing.assert_series_equal(
        planned.loc["independent", found.columns].astype(float),
        found.loc["independent"].astype(float),
        rtol=1e-6,
    )
    # Branches also on where the choices are: rounding up adds a half on average, not exactly.
    ratio = planned.loc["recursive", found.columns] / found.loc["recursive"]
    assert ratio.between(0.9, 1.1).all(), ratio

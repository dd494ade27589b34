"""Error against cost: simulated curves of a Markov chain, and the drawing."""

import numpy as np
import pandas as pd
import pytest
from helpers.exhibits import words

from cliff_tokens import tables
from cliff_tokens.exhibits.figure_estimators import MEASURED, SIMULATED, average_passes, draw
from cliff_tokens.stages.passes import simulate_errors
from cliff_tokens.stages.simulated_draws import Truth

SEVEN = ("q-8b", "q-4b", "q-0.6b", "l-3.1-8b-instruct", "l-3.2-3b-instruct", "l-1b", "g-3-4b-it")


def costs(models):
    """Error against cost as ``values`` gives them, of a law without noise."""
    rollouts = np.array([8, 16, 32, 64, 128, 256])
    rows = []
    for model in models:
        for name, price in (("independent", 1e5), ("recursive", 1e4), ("adaptive", 1.5e4)):
            line = pd.DataFrame(
                {
                    "model": model,
                    "estimator": name,
                    "rollouts": rollouts,
                    "generated_tokens": price * rollouts,
                    "rmse": 0.3 / np.sqrt(rollouts),
                    "source": SIMULATED,
                }
            )
            point = line[line["rollouts"].eq(64)].assign(
                source=MEASURED, rmse_low=0.03, rmse_high=np.nan
            )
            rows += [line if name != "adaptive" else line.iloc[:0], point]
    return pd.concat(rows, ignore_index=True)


def test_the_curve_falls_with_cost_as_one_over_its_root(chain, tmp_path):
    names = ("traces", "tokens", "alternatives", "reference", "branches")
    truth = Truth(*(chain[name] for name in names))
    passes = simulate_errors(truth, 1.0, seed=1)
    tables.write(passes, tmp_path / "errors.parquet", "simulated_errors", {})
    found = average_passes(passes.assign(model="markov"), ["markov"])
    for name, line in found.groupby("estimator"):
        line = line.sort_values("rollouts")
        assert (line["rmse"].diff().dropna() < 0).all(), name
    rows = found.set_index(["estimator", "rollouts"])
    slope = rows.loc[("independent", 8), "rmse"] / rows.loc[("independent", 128), "rmse"]
    assert slope == pytest.approx(4, rel=0.2)
    assert (
        rows.loc[("recursive", 64), "generated_tokens"]
        < rows.loc[("independent", 64), "generated_tokens"]
    )
    assert rows.loc[("recursive", 64), "rmse"] < rows.loc[("independent", 64), "rmse"]
    # The same rollouts, read as branches; the same tokens, where they tell more.
    columns = ["generated_tokens", "rmse"]
    (cost, error), (other_cost, other) = (
        rows.loc[(name, 64), columns] for name in ("recycled", "independent")
    )
    assert cost == other_cost
    assert error < 0.75 * other


def test_a_pass_is_over_all_data_sets_of_a_model():
    """More prefixes weigh more; repetitions are averaged before the root is taken."""
    passes = pd.DataFrame(
        {
            "model": ["b", "b", "b", "b", "a"],
            "estimator": "recursive",
            "rollouts": 8,
            "repetition": [0, 0, 1, 1, 0],
            "expected_tokens": [10.0, 20.0, 30.0, 40.0, 7.0],
            "prefixes": [1, 9, 1, 9, 4],
            "square_error": [1.0, 0.6, 0.0, 1.6, 1.0],
        }
    )
    found = average_passes(passes, ["b", "a"])
    assert found["model"].tolist() == ["b", "a"]
    assert found["generated_tokens"].tolist() == [50.0, 7.0]
    np.testing.assert_allclose(found["rmse"], [0.4, 0.5])


@pytest.mark.parametrize("models", [("only",), SEVEN])
def test_error_against_cost_is_drawn_for_any_number_of_models(models):
    figure = draw(costs(models))
    figure.canvas.draw()
    assert "adaptive, measured" in words(figure)
    for axes in figure.axes[: len(models)]:
        assert axes.get_xscale() == axes.get_yscale() == "log"
        assert {text.get_text() for text in axes.texts} == {"8", "256"}

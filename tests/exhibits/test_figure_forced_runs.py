"""Points of the figure are the p of runs in their order."""

import warnings

import numpy as np
import pandas as pd
import pytest
from helpers.exhibits import show, words

from cliff_tokens.stages.forced_runs import compare_counts


@pytest.fixture(scope="module")
def runs(chain):
    return compare_counts(chain["potential"], chain["tokens"], chain["traces"])


def test_every_run_that_tells_is_a_point_beside_its_expected_rank(runs):
    frame, figure = show(
        "figure_forced_runs", {"runs": runs, "models": ["markov", "none"], "confidence": 0.95}
    )
    told = runs.dropna(subset=["p"])
    assert len(frame) == len(told)
    assert frame["p"].is_monotonic_increasing
    assert frame["expected"].iloc[0] == pytest.approx(1 / (len(told) + 1))
    assert (frame["low"] < frame["expected"]).all()
    assert (frame["expected"] < frame["high"]).all()
    # The chain's rollouts are independent: most points lie in their intervals.
    assert frame["p"].between(frame["low"], frame["high"]).mean() > 0.8
    assert "no run tells" in words(figure)
    assert "dispersion" in figure.axes[0].get_title()


def test_a_p_of_zero_is_drawn(runs):
    zero = runs.dropna(subset=["p"]).head(3).assign(p=[0.0, 0.5, 1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, figure = show(
            "figure_forced_runs", {"runs": zero, "models": ["markov"], "confidence": 0.95}
        )
        figure.canvas.draw()
    points = pd.concat([pd.Series(line.get_ydata()) for line in figure.axes[0].lines])
    assert np.isfinite(points).all()
    assert (points > 0).all()

"""How the evaluator ranks cliffs, beside their controls."""

import numpy as np
import pytest
from helpers.exhibits import INTERVALS, values

from cliff_tokens.exhibits import table_agreement


def test_cliffs_are_set_beside_their_controls(seen):
    summary = table_agreement.values(*seen, INTERVALS, [("s", "e")]).set_index("kind")
    row = summary.loc["uncertain"]
    assert row[["n", "first", "controls", "control_first"]].tolist() == [2, 1, 2, 2]
    assert row["share_first"] == 0.5
    assert row["difference"] == -0.5
    # Cliffs: -.4 and +.2; controls: -.1 both.
    assert row["shift"] == pytest.approx(-0.1)
    assert row["control_shift"] == pytest.approx(-0.1)
    assert row["delta"] == row["delta_median"] == pytest.approx(-0.025)
    alone = summary.loc["sampled_off"]
    assert alone[["n", "controls"]].tolist() == [1, 0]
    assert np.isnan(alone["difference"])
    pooled = summary.loc["all"]
    assert pooled[["n", "first", "controls"]].tolist() == [3, 1, 2]


@pytest.mark.filterwarnings("error")
def test_a_source_without_cliffs_is_not_measured(quiet):
    summary = values("table_agreement", quiet)
    assert summary["n"].tolist() == [0] * 5 * len(quiet["pairs"])
    assert summary[["share_first", "difference", "delta", "delta_median"]].isna().all(axis=None)

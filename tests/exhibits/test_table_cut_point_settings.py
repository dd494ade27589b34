"""Settings that deletion at the cliff wins, ties and loses, by hand."""

import numpy as np
import pandas as pd
import pytest
from helpers.cuts import COUNTS, cuts_of, traces_of
from helpers.exhibits import INTERVALS, cell

from cliff_tokens.exhibits.table_cut_point_settings import EVERY, values
from cliff_tokens.stages.cut_points import METHODS


@pytest.mark.parametrize(
    "spoil", [lambda c: c.iloc[1:], lambda c: pd.concat([c, c.iloc[:1]])], ids=["lacks", "repeats"]
)
def test_cut_points_of_other_traces_are_refused(spoil):
    with pytest.raises(ValueError, match="expected one row for each incorrect trace and method"):
        values(spoil(cuts_of(COUNTS)), traces_of(COUNTS), INTERVALS, ["m"], ["d"])


def two_settings():
    """Data set d as above; data set e has one trace where the cliff is best, f none with one."""
    best = {"cliff_first": 3, "cliff_random": 3, "critical": 2, "tangent": None, "random": 0}
    cuts = [
        cuts_of(COUNTS),
        cuts_of({"p1": best}, dataset="e"),
        cuts_of({"p3": COUNTS["p3"]}, dataset="f"),
    ]
    traces = [
        traces_of(COUNTS), traces_of(["p1"], dataset="e"), traces_of(["p3"], dataset="f"),
    ]  # fmt: skip
    return values(pd.concat(cuts), pd.concat(traces), INTERVALS, ["m"], ["d", "e", "f"])


def test_a_setting_needs_a_cliff():
    frame = two_settings()
    assert set(frame["dataset"]) == {"all", "d", "e"}
    assert (frame.loc[frame["dataset"].eq("all"), "settings"] <= 2).all()


def test_a_setting_is_won_tied_or_lost():
    frame = two_settings()
    # d, k = 1: the cliff has 2/4 and 4/4, the critical token 2/4 and 1/4.
    row = cell(frame, variant="fair", k=1, rival="critical", dataset="d")
    assert (row["n"], row["beats"]) == (2, 1)
    assert (row["cliff"], row["other"]) == pytest.approx((0.75, 0.375))
    # Fair, the tangent is only compared on p1, where it wins; published, its 3/4 and zero lose.
    row = cell(frame, variant="fair", k=1, rival="tangent", dataset="d")
    assert (row["n"], row["difference"], row["loses"]) == (1, pytest.approx(-0.25), 1)
    row = cell(frame, variant="published", k=1, rival="tangent", dataset="d")
    assert (row["n"], row["difference"], row["beats"]) == (2, pytest.approx(0.375), 1)
    # k = 4: both have a success among all rollouts.
    row = cell(frame, variant="fair", k=4, rival="critical", dataset="d")
    assert (row["difference"], row["ties"]) == (pytest.approx(0, abs=1e-12), 1)
    # e has no tangent at all: no comparison, where fair; nothing to beat, where published.
    row = cell(frame, variant="fair", k=1, rival="tangent", dataset="e")
    assert row[["settings", "n", "beats", "ties", "loses"]].tolist() == [0] * 5
    assert cell(frame, variant="published", k=1, rival="tangent", dataset="e")["beats"] == 1


def test_every_rival_is_beaten_only_if_all_are():
    frame = two_settings()
    row = cell(frame, variant="fair", k=1, rival=EVERY, dataset="d")
    assert (row["difference"], row["loses"]) == (pytest.approx(-0.25), 1)
    row = cell(frame, variant="published", k=1, rival=EVERY, dataset="d")
    assert row["beats"] == 1
    row = cell(frame, variant="fair", k=1, rival=EVERY, dataset="e")
    assert (row["difference"], row["beats"]) == (
        pytest.approx(0.25),
        1,
    )  # against the critical token


def test_the_count_line_adds_up_its_settings():
    frame = two_settings()
    counts = ["settings", "n", "beats", "ties", "loses", "beats_clearly", "loses_clearly"]
    keys = ["variant", "k", "rival"]
    lines = frame[frame["model"].eq("all")].set_index(keys)[counts].sort_index()
    sums = frame[frame["model"].ne("all")].groupby(keys)[counts].sum()
    pd.testing.assert_frame_equal(lines, sums, check_dtype=False)
    assert (lines["settings"] == lines[["beats", "ties", "loses"]].sum(axis=1)).all()


def test_a_win_is_clear_where_the_interval_says_so():
    rng = np.random.default_rng(1)
    sure = {f"p{n}": dict.fromkeys(METHODS, 0) | {"cliff_first": 3} for n in range(10)}
    for successes_of in sure.values():
        successes_of["critical"] = int(rng.integers(0, 3))  # always below the cliff
        successes_of["tangent"] = 3 + int(rng.choice([-1, 1]))  # as often above it as below
    frame = values(cuts_of(sure), traces_of(sure), INTERVALS, ["m"], ["d"])
    row = cell(frame, variant="fair", k=1, rival="critical", model="m")
    assert row["beats_clearly"] == 1
    row = cell(frame, variant="fair", k=1, rival="tangent", model="m")
    assert row["beats_clearly"] == row["loses_clearly"] == 0


def test_a_run_without_cliffs_has_no_settings():
    counts = {"p3": COUNTS["p3"]}
    frame = values(cuts_of(counts), traces_of(counts), INTERVALS, ["m"], ["d"])
    assert frame["model"].unique().tolist() == ["all"]
    assert (frame[["settings", "n", "beats", "ties", "loses"]] == 0).all(axis=None)

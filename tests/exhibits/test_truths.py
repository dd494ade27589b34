"""Catalogues of cliffs scored against a known truth."""

import pandas as pd
import pytest
from helpers.exhibits import INTERVALS
from helpers.synthetic import CERTAIN, TEST

from cliff_tokens import tables
from cliff_tokens.exhibits import table_truth
from cliff_tokens.exhibits.truths import score_catalogues, true_drops, with_audited, with_kinds
from cliff_tokens.stages.cliffs import detect

NO_AUDIT = tables.empty("audit")


@pytest.fixture(scope="module")
def found(chain):
    cliffs = detect(chain["independent"], chain["traces"], chain["tokens"], TEST, CERTAIN)
    return cliffs.assign(estimator="independent")


def score(found, chain, audit, estimators=("independent",)):
    return table_truth.values(
        found, audit, chain["exact"], chain["tokens"], chain["traces"], estimators, TEST, CERTAIN,
        INTERVALS, ["markov"],
    )  # fmt: skip


def test_precision_and_recall_are_counted_by_kind(chain, found):
    frame = score(found, chain, NO_AUDIT)
    frame = frame[frame["model"].eq("markov") & frame["estimator"].eq("independent")]
    rows = frame.set_index("kind")
    counts = ["n", "flags", "true_flags", "true_drops", "undecided"]
    pd.testing.assert_series_equal(
        rows[counts].drop(index="all").sum(), rows.loc["all", counts].astype(int), check_names=False
    )
    exact = chain["exact"].set_index(["trace_id", "t"])
    drops = (exact["before"] - exact["after"]).loc[
        pd.MultiIndex.from_frame(found[["trace_id", "t"]])
    ]
    assert rows.loc["all", "flags"] == len(found)
    assert rows.loc["all", "precision"] == pytest.approx((drops > 0.1).mean())


def test_a_catalogue_without_cliffs_keeps_its_rows(chain, found):
    frame = score(found, chain, NO_AUDIT, ["independent", "adaptive"])
    empty = frame[frame["estimator"].eq("adaptive")]
    assert (empty["n"] > 0).any()
    assert (empty["flags"] == 0).all()
    assert empty["precision"].isna().all()


def test_only_cliffs_of_independent_rollouts_are_audited(chain, found):
    frame = score(found, chain, NO_AUDIT)
    assert frame["estimator"].unique().tolist() == ["independent", "audited"]
    frame = score(found.assign(estimator="recursive"), chain, NO_AUDIT, ["recursive"])
    assert frame["estimator"].unique().tolist() == ["recursive"]


def test_the_audited_catalogue_keeps_what_is_possible_and_confirmed():
    cliffs = pd.DataFrame({"cliff_id": list("abcda"), "estimator": [*["independent"] * 4, "other"]})
    audit = pd.DataFrame(
        {"cliff_id": list("abcd"), "possible": [True, True, False, False],
         "confirmed": [True, False, True, False]}
    )  # fmt: skip
    found, names = with_audited(cliffs, audit, ["independent", "other"])
    assert names == ["independent", "other", "audited"]
    assert len(found) == len(cliffs) + 1
    kept = found[found["estimator"].eq("audited")]
    assert kept["cliff_id"].tolist() == ["a"]


def test_the_audited_catalogue_is_scored_beside_the_others(chain, found):
    audit = found[["cliff_id"]].assign(possible=True, confirmed=False)
    audit.loc[audit.index[:2], "confirmed"] = True
    frame = score(found, chain, audit).set_index(["model", "estimator", "kind"])
    assert frame.loc[("markov", "audited", "all"), "flags"] == 2


def test_a_token_without_scores_is_refused_by_name(chain):
    truths = true_drops(chain["exact"], chain["traces"], TEST.margin, INTERVALS.confidence)
    with pytest.raises(ValueError, match=r"markov/chain/p000/0: token 1 .* has no score"):
        with_kinds(truths, chain["tokens"].iloc[1:], CERTAIN)


def test_bounds_take_undecided_drops_for_and_against_the_catalogue():
    # Flags: two sure ones, an undecided one, a false one. Missed: a sure one, two undecided.
    true = [True, True, True, False, True, False, True, False]
    undecided = [False, False, True, False, False, True, True, False]
    truths = pd.DataFrame(
        {"trace_id": "m/d/p/0", "t": range(1, 9), "model": "m", "cluster": "p", "true": true,
         "undecided": undecided}
    )  # fmt: skip
    cliffs = truths.loc[:3, ["trace_id", "t"]].assign(estimator="recursive")
    row = score_catalogues(truths, cliffs, ["recursive"], INTERVALS, ["m"]).iloc[0]
    assert (row["precision"], row["precision_least"], row["precision_most"]) == (0.75, 0.5, 0.75)
    assert row["recall"] == pytest.approx(3 / 5)
    assert row["recall_least"] == pytest.approx(2 / 5)
    assert row["recall_most"] == pytest.approx(3 / 4)

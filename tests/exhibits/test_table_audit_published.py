"""Cliffs of published rollouts: counts add up, and what no counts tell is not counted."""

import numpy as np
import pandas as pd
import pytest
from helpers import synthetic
from helpers.exhibits import cell, show, values

from cliff_tokens.exhibits.table_audit import CERTAIN, FREE
from cliff_tokens.stages import audit, cliffs, forced_runs, published


@pytest.fixture(scope="module")
def release(given):
    """The synthetic run as if it had been published: prefixes 1 .. n-1, and nothing else."""
    potential = given["potential"].query("t > 0")[["trace_id", "t", "successes", "rollouts"]]
    estimates = published.estimate_published(potential)
    rule, certain = synthetic.TEST, synthetic.CERTAIN
    tables = (given["traces"], given["tokens"], rule, certain)
    found = cliffs.detect(estimates, *tables)
    rests = forced_runs.rest_of_runs(found, potential, given["tokens"])
    pooled = published.estimate_published(forced_runs.pool(potential, given["tokens"]))
    return given | {
        "potential": potential,
        "estimates": estimates,
        "cliffs": found,
        "audit": audit.audit_published(rests, potential, estimates, rule),
        "pooled": cliffs.detect(pooled, *tables),
    }


def test_counts_add_up_over_kinds_and_over_models(release):
    summary = values("table_audit_published", release)
    counts = ["tokens", "n", "by_chance", "impossible", "kept", "left", "told", "confirmed"]
    counts += ["pooled", "beyond_chance"]
    for _, model in summary.groupby("model"):
        rows = model.set_index("kind")[counts]
        np.testing.assert_allclose(rows.drop(index=["all", CERTAIN, FREE]).sum(), rows.loc["all"])
        np.testing.assert_allclose(rows.loc[[CERTAIN, FREE]].sum(), rows.loc["all"])
    every = summary[summary["kind"] == "all"].set_index("model")[counts]
    np.testing.assert_allclose(every.drop(index="all").sum(), every.loc["all"])
    assert every.loc["all", "n"] == len(release["cliffs"])
    assert every.loc["all", "pooled"] == len(release["pooled"])
    assert every.loc["all", "tokens"] == len(release["estimates"])


def test_what_is_left_is_possible_and_kept_and_what_is_told_has_other_counts(release):
    row = cell(values("table_audit_published", release), model="all", kind="all")
    rows = release["audit"]
    kept = rows["q_fdr"] <= 0.05
    assert row["kept"] == kept.sum()
    assert row["left"] == (kept & rows["possible"]).sum()
    assert row["told"] == rows["rest_drop"].notna().sum()
    assert 0 < row["told"] < row["n"]
    assert row["confirmed"] == rows["confirmed"].fillna(False).sum()
    certain = cell(values("table_audit_published", release), model="all", kind=CERTAIN)
    assert certain["n"] == certain["impossible"]
    assert certain["left"] == 0
    assert certain["pooled"] == 0  # inside a run nothing falls


def test_a_stored_audit_reads_as_a_fresh_one(release, tmp_path):
    from cliff_tokens import tables

    tables.write(release["audit"], tmp_path / "audit.parquet", "published_audit", {})
    stored = tables.read(tmp_path / "audit.parquet", "published_audit")
    pd.testing.assert_frame_equal(
        values("table_audit_published", release | {"audit": stored}),
        values("table_audit_published", release),
        check_dtype=False,
    )


def test_a_cliff_that_was_audited_but_has_no_estimate_is_refused(release):
    first = release["audit"]["cliff_id"].iloc[0]
    trace_id, t = first.split("@")
    estimates = release["estimates"]
    lost = estimates["trace_id"].eq(trace_id) & estimates["t"].eq(int(t))
    with pytest.raises(ValueError, match=rf"{first}: was audited but has no estimate"):
        values("table_audit_published", release, estimates=estimates[~lost])


def test_the_figure_draws_every_cliff_and_the_other_drop_where_there_is_one(release):
    frame, figure = show("figure_audit_published", release)
    assert len(frame) == len(release["audit"])
    assert frame["fresh_drop"].isna().sum() == release["audit"]["rest_drop"].isna().sum() > 0
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "rest of both runs" in legend
    figure.canvas.draw()

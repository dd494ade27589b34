"""docs/dpo.md: its table and figure are those of docs/dpo_catalogues.py, and these are right."""

import importlib.util

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cliff_tokens.exhibits import style


@pytest.fixture(scope="module")
def catalogues(root):
    path = root / "docs" / "dpo_catalogues.py"
    spec = importlib.util.spec_from_file_location("dpo_catalogues", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shown(catalogues):
    return catalogues.shown(pd.read_csv(catalogues.CSV, dtype={"catalogue": str}))


def test_the_page_shows_the_tables_of_its_gains(root, shown):
    _, tables = shown
    page = (root / "docs" / "dpo.md").read_text()
    assert all(table in page for table in tables)


def test_the_figure_is_drawn_from_the_same_gains(catalogues, shown, tmp_path):
    figure, _ = shown
    style.save(figure, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == catalogues.FIGURE.read_text()


def test_the_catalogue_is_the_unit(catalogues):
    rng = np.random.default_rng(1)
    arms = pd.DataFrame(
        rng.normal(1, 1, (5, 4)), list("abcde"), ["all", "forks", "flipped", "random"]
    )
    gains = arms.melt(var_name="variant", value_name="gain", ignore_index=False)
    gains = gains.rename_axis("catalogue").reset_index()
    gains = gains.assign(study="dpo-study", decoding="greedy")
    means = catalogues.pool(catalogues.compared(gains, "dpo-study"), "dpo-study").set_index("of")
    paired = stats.ttest_rel(arms["all"], arms["forks"])
    assert means.loc["all less forks", "p"] == pytest.approx(paired.pvalue)
    interval = paired.confidence_interval()
    assert means.loc["all less forks", ["low", "high"]].tolist() == pytest.approx(list(interval))
    assert means.loc["all", "p"] == pytest.approx(stats.ttest_1samp(arms["all"], 0).pvalue)
    # The question is asked alone; the six others are adjusted together.
    assert np.isnan(means.loc["all less forks", "p_holm"])
    smallest = means["p"].drop("all less forks").idxmin()
    assert means.loc[smallest, "p_holm"] == pytest.approx(min(1, 6 * means.loc[smallest, "p"]))


def test_gains_of_a_run_are_read_from_its_table(catalogues, tmp_path):
    folder = tmp_path / "dpo-study-3"
    (folder / "tables").mkdir(parents=True)
    rows = "decoding,variant,gain\ngreedy,base,\ngreedy,all,0.02\nsampled,base,\nsampled,all,0.01\n"
    (folder / "tables/table_dpo_accuracy.csv").write_text(rows)
    gains = catalogues.read(folder)
    assert gains.to_numpy().tolist() == [
        ["dpo-study", "3", "greedy", "all", 2.0],
        ["dpo-study", "3", "sampled", "all", 1.0],
    ]


def test_a_run_that_is_not_finished_is_refused(catalogues, tmp_path):
    with pytest.raises(SystemExit, match=r"table_dpo_accuracy\.csv: no such file"):
        catalogues.read(tmp_path)

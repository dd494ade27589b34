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
def rows(catalogues):
    return catalogues.compared(pd.read_csv(catalogues.CSV))


def test_the_page_shows_the_table_of_its_gains(root, catalogues, rows):
    table = catalogues.table(catalogues.pool(rows))
    assert table in (root / "docs" / "dpo.md").read_text()


def test_the_figure_is_drawn_from_the_same_gains(catalogues, rows, tmp_path):
    style.save(catalogues.draw(rows, catalogues.pool(rows)), tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == catalogues.FIGURE.read_text()


def test_the_catalogue_is_the_unit(catalogues):
    rng = np.random.default_rng(1)
    gains = pd.DataFrame(rng.normal(1, 1, (5, 4)), columns=catalogues.VARIANTS)
    gains = gains.assign(model="m", decoding="greedy", catalogue=list("abcde"))
    means = catalogues.pool(catalogues.compared(gains)).set_index("of")
    paired = stats.ttest_rel(gains["all"], gains["forks"])
    assert means.loc["all less forks", "p"] == pytest.approx(paired.pvalue)
    interval = paired.confidence_interval()
    assert means.loc["all less forks", ["low", "high"]].tolist() == pytest.approx(list(interval))
    assert means.loc["all", "p"] == pytest.approx(stats.ttest_1samp(gains["all"], 0).pvalue)
    # The question is asked alone; the six others are adjusted together.
    assert np.isnan(means.loc["all less forks", "p_holm"])
    smallest = means["p"].drop("all less forks").idxmin()
    assert means.loc[smallest, "p_holm"] == pytest.approx(min(1, 6 * means.loc[smallest, "p"]))


def test_a_run_that_is_not_finished_is_refused(catalogues, tmp_path):
    with pytest.raises(SystemExit, match=r"table_dpo_accuracy\.csv: no such file"):
        catalogues.read(tmp_path)

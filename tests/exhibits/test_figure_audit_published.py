"""The figure of the published cliffs is that of the audit, with another second drop."""

import pandas as pd

from cliff_tokens.exhibits import figure_audit_published
from cliff_tokens.stages.cliff_test import CliffTest


def test_a_catalogue_without_a_cliff_is_drawn():
    columns = [
        "cliff_id", "model", "kind", "bound", "possible", "p_exact", "q_fdr", "selected_drop",
        "rest_drop", "confirmed",
    ]  # fmt: skip
    frame = figure_audit_published.values(pd.DataFrame(columns=columns))
    figure = figure_audit_published.draw(frame, ["a", "b"], CliffTest())
    assert [text.get_text() for axes in figure.axes for text in axes.texts].count("no cliffs") == 2

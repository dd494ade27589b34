"""Drops of audited cliffs against the bound on them."""

from helpers.exhibits import show


def test_every_audited_cliff_is_drawn_with_its_fresh_drop(given):
    values, figure = show("figure_audit", given)
    assert len(values) == len(given["cliffs"])
    assert values["q_fdr"].ge(values["p_exact"]).all()
    shown = sum(len(line.get_xdata()) for axes in figure.axes for line in axes.lines)
    guides = 2 * 2 * len(figure.axes)  # the bound and the margin of each panel
    assert shown - guides == 2 * len(values)
    assert all("impossible" in axes.get_title() for axes in figure.axes)

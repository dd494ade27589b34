"""The cliff mass by kind: Figure 5."""

from helpers.exhibits import show


def test_every_cliff_mass_is_drawn_in_two_readings_and_n_is_under_each_kind(given):
    values, figure = show("figure_05_cliff_mass", given)
    for axes, model in zip(figure.axes, given["models"], strict=True):
        own = given["cliffs"][given["cliffs"]["model"].eq(model)]
        shown = [line for line in axes.lines if line.get_marker() not in ("None", "_")]
        ticks = [line for line in axes.lines if line.get_marker() == "_"]
        assert sum(len(line.get_xdata()) for line in shown) == len(own)
        assert sum(len(line.get_xdata()) for line in ticks) == len(own)
        counts = [int(label.get_text().split("= ")[1]) for label in axes.get_xticklabels()]
        assert sum(counts) == len(own)
    assert set(values["reading"]) == {"published", "own", "fresh"}

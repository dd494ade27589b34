"""Entropy at cliff tokens against that at all tokens."""

import numpy as np
import pytest
from helpers.exhibits import values


def test_density_and_atom_have_area_one(given):
    frame = values("figure_15_entropy_density", given)
    for _, cell in frame.groupby(["model", "group"]):
        decades = np.log10(cell["entropy"])
        area = np.trapezoid(cell["density"], decades) + cell["atom"].iloc[0]
        # The tails of the kernel reach past both ends of the axis.
        assert area == pytest.approx(1, abs=0.03)
    assert frame["threshold"].unique() == pytest.approx([0.0560], abs=5e-5)


def test_a_group_holds_the_tokens_of_the_models_traces(given):
    frame = values("figure_15_entropy_density", given)
    n = frame.drop_duplicates(["model", "group"]).set_index(["model", "group"])["n"]
    for model in given["models"]:
        traces = given["traces"].loc[given["traces"]["model"].eq(model), "trace_id"]
        assert n[model, "all"] == given["tokens"]["trace_id"].isin(traces).sum()
        assert n[model, "cliff"] == given["cliffs"]["model"].eq(model).sum()

"""What fresh rollouts say of a cliff, in a word, and how figures show it."""

import numpy as np
import pandas as pd
from helpers.exhibits import show, values

from cliff_tokens.exhibits import confirmation, style
from cliff_tokens.stages.cliff_test import CliffTest

CLIFFS = pd.DataFrame(
    {
        "cliff_id": ["m/d/p/0@3", "m/d/p/0@9", "m/d/q/0@2"],
        "sampler_probability": [0.5, 0.5, 0.95],
    }
)
ARMS = pd.DataFrame(
    {
        "cliff_id": np.repeat(CLIFFS["cliff_id"], 2),
        "arm": ["del", "keep"] * 3,
        "successes": [40, 2, 30, 28, 60, 1],
        "rollouts": 64,
    }
)


def test_a_cliff_is_confirmed_or_not_or_cannot_be():
    found = confirmation.confirm(CLIFFS, ARMS, CliffTest())
    # The last one falls in fresh rollouts, too, but 1 - q is below the margin.
    assert found["confirmed"].tolist() == ["yes", "no", "cannot be"]
    assert np.allclose(found["fresh_drop"], [38 / 64, 2 / 64, 59 / 64])
    assert confirmation.confirmed_by_cliff(CLIFFS, ARMS, CliffTest())["m/d/p/0@9"] == "no"


def marks(figure):
    """Link and fill of every mark of a single cliff."""
    lines = [line for axes in figure.axes for line in axes.lines if line.get_url()]
    return {(line.get_url(), line.get_markerfacecolor() == "white") for line in lines}


def test_every_figure_of_single_cliffs_draws_those_hollow_that_are_not_confirmed(given):
    # A cliff whose fresh counts agree with each other is not confirmed.
    arms, first = given["resampling"], given["cliffs"]["cliff_id"].iloc[0]
    level = arms["successes"].mask(arms["cliff_id"].eq(first), 30)
    given = given | {"resampling": arms.assign(successes=level)}
    given["audit"] = given["audit"].assign(
        confirmed=given["audit"]["confirmed"] & given["audit"]["cliff_id"].ne(first)
    )
    words = values("table_cliffs", given).set_index("cliff_id")["confirmed"]
    assert words[first] in ("no", "cannot be")
    assert set(words) >= {"yes", "cannot be"}
    along = ("example_traces", "figure_recovered_trace")
    for name in ("figure_05_cliff_mass", "figure_audit", "figure_06_recovery", *along):
        frame, figure = show(name, given)
        shown = frame
        if name in along:
            shown = frame[frame["kind"].notna()]
            shown = shown.assign(cliff_id=shown["trace_id"] + "@" + shown["t"].astype(str))
        expected = {(style.link(one), words[one] != "yes") for one in shown["cliff_id"]}
        assert marks(figure) == expected, name


def test_a_control_is_no_cliff_and_never_hollow(given):
    frame, _ = show("figure_11_delta_cpm", given)
    assert frame.loc[frame["measure"].eq("control"), "confirmed"].isna().all()
    assert frame.loc[frame["measure"].eq("mass"), "confirmed"].notna().all()

"""Which trace is shown, what is called its recovery, and what of its text is left out."""

import numpy as np
import pandas as pd
import pytest
from helpers.exhibits import INTERVALS, words
from matplotlib.offsetbox import AnchoredOffsetbox

from cliff_tokens.exhibits.confirmation import confirm
from cliff_tokens.exhibits.figure_recovered_trace import choose, draw, values
from cliff_tokens.stages.cliff_test import CliffTest

TEST = CliffTest()


def estimates_of(trace_id, potential):
    """Estimates without error; ``potential`` is of prefixes 0 .. T."""
    potential = np.asarray(potential)
    return pd.DataFrame(
        {
            "trace_id": trace_id, "t": np.arange(1, len(potential)), "before": potential[:-1],
            "after": potential[1:], "drop_se": 0.0, "before_se": 0.0,
        }
    )  # fmt: skip


def run_of(fresh, potential, outcome="correct", q=0.3):
    """A run of one trace for each cliff, at t = 10; ``fresh`` are right before and after, of 64."""
    ids = [f"m/d/p{number}/0" for number in range(len(fresh))]
    cliffs = pd.DataFrame(
        {
            "cliff_id": [f"{name}@10" for name in ids], "trace_id": ids, "t": 10,
            "kind": "uncertain", "outcome": outcome, "sampler_probability": q,
        }
    )  # fmt: skip
    resampling = pd.DataFrame(
        {
            "cliff_id": cliffs["cliff_id"].repeat(2), "arm": ["del", "keep"] * len(ids),
            "successes": np.ravel(fresh), "rollouts": 64,
        }
    )  # fmt: skip
    size = len(potential) - 1
    tokens = pd.DataFrame(
        {"trace_id": np.repeat(ids, size), "t": list(range(1, size + 1)) * len(ids)}
    )
    traces = pd.DataFrame(
        {"trace_id": ids, "model": "m", "dataset": "d", "problem_id": ids, "verdict": outcome}
    )
    return {
        "traces": traces,
        "estimates": pd.concat([estimates_of(name, potential) for name in ids]),
        "tokens": tokens.assign(token="w" + tokens["t"].astype(str)),
        "cliffs": cliffs,
        "resampling": resampling,
        "test": TEST,
        "intervals": INTERVALS,
    }


# It falls at 10, rises a little at 20 and most at 40, and again at 50; 80 tokens.
FALL = np.r_[
    np.full(10, 0.6), np.full(10, 0.2), np.full(20, 0.35), np.full(10, 0.8), np.full(31, 1.0)
]


def test_the_lowest_confirmed_cliff_on_a_correct_trace_is_chosen():
    # By fresh rollouts 20, 9, 12 and 5 of 64 are right after it; of the last the drop is too small.
    run = run_of([(40, 20), (40, 9), (40, 12), (8, 5)], FALL)
    resampling = run["resampling"]

    def chosen(cliffs):
        found = choose(confirm(cliffs, resampling, TEST), resampling)
        return None if found is None else found["trace_id"]

    cliffs = run["cliffs"]
    assert chosen(cliffs) == chosen(cliffs[::-1]) == "m/d/p1/0"
    failed = cliffs["trace_id"].eq("m/d/p1/0")
    assert chosen(cliffs.assign(outcome=np.where(failed, "incorrect", "correct"))) == "m/d/p2/0"
    assert chosen(cliffs.assign(sampler_probability=1.0)) is None  # no drop can be there


def test_the_recovery_is_the_largest_rise_after_the_cliff_and_calm_text_is_left_out():
    frame = values(**run_of([(40, 9)], FALL)).set_index("t")
    assert frame["part"].dropna().to_dict() == {10: "cliff", 40: "recovery"}
    written = frame.index[frame["written"]]
    expected = [*range(0, 7), *range(4, 27), *range(34, 57), *range(74, 81)]
    assert written.tolist() == sorted(set(expected))
    rising = values(**run_of([(40, 9)], np.r_[0.1, 0.9, FALL[2:]])).set_index("t")
    assert rising["part"].dropna().to_dict() == {10: "cliff", 40: "recovery"}  # that was before it


def texts(figure) -> list[str]:
    """The words under the curve, line by line."""
    boxes = figure.axes[1].findobj(AnchoredOffsetbox)
    return [" ".join(child.get_text() for child in box.get_child().get_children()) for box in boxes]


def test_what_is_left_out_is_counted_with_the_range_of_its_potential():
    figure = draw(values(**run_of([(40, 9)], FALL)))
    text = " ".join(texts(figure))
    assert "w9 w10 (0.60→0.20) w11" in text
    assert "w40 (0.35→0.80)" in text
    assert "w26 [7 tokens at 0.35] w34" in text
    assert "w56 [17 tokens at 1.00] w74" in text
    assert text.endswith("w80")
    # Gray where the curve is narrowed; 7 tokens are as wide as four, 17 as well.
    ticks = dict(
        zip(
            [int(tick.get_text()) for tick in figure.axes[0].get_xticklabels()],
            figure.axes[0].get_xticks(),
            strict=True,
        )
    )
    assert ticks[40] - ticks[10] == pytest.approx(30 - 7 + 4)
    assert ticks[80] - ticks[40] == pytest.approx(40 - 17 + 4)


def test_the_words_fit_on_the_page():
    long = run_of([(40, 9)], FALL)
    long["tokens"]["token"] = "immeasurable" + long["tokens"]["t"].astype(str)
    figure = draw(values(**long))
    figure.canvas.draw()
    right = max(box.get_window_extent().x1 for box in figure.axes[1].findobj(AnchoredOffsetbox))
    assert right <= figure.bbox.x1
    assert len(texts(figure)) > 5


def test_a_run_in_which_nothing_recovers_says_so():
    frame = values(**run_of([(40, 9)], FALL, outcome="incorrect"))
    assert frame.empty
    assert any("ends correct" in text for text in words(draw(frame)))

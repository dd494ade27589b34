"""A trace as a picture: rows of every prefix, marks where they belong, words that stand out."""

import numpy as np
import pytest
from helpers import synthetic
from helpers.exhibits import INTERVALS

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.confirmation import confirm
from cliff_tokens.exhibits.single_trace import COLUMNS, along_trace, draw_curve, marks, word


@pytest.fixture(scope="module")
def frame(given):
    """The rows of the trace with the most cliffs."""
    cliffs = confirm(given["cliffs"], given["resampling"], synthetic.TEST)
    name = cliffs["trace_id"].value_counts().sort_index().idxmax()
    trace = given["traces"].set_index("trace_id", drop=False).loc[name]
    return along_trace(
        trace, given["estimates"], given["tokens"], cliffs, synthetic.TEST, INTERVALS
    )


def test_every_prefix_has_a_row_and_the_last_is_the_verdict(given, frame):
    assert list(frame) == COLUMNS
    name, tokens = frame["trace_id"].iloc[0], given["tokens"]
    length = tokens["trace_id"].eq(name).sum()
    assert frame["t"].tolist() == list(range(length + 1))
    assert frame["measured"].tolist() == [True] * length + [False]
    counts = given["potential"].query("trace_id == @name").sort_values("t")
    shares = counts["successes"] / counts["rollouts"]
    np.testing.assert_allclose(frame["potential"][:-1], shares)
    assert frame["potential"].iloc[-1] == (frame["verdict"].iloc[0] == "correct")
    cliffs = given["cliffs"].query("trace_id == @name").set_index("t")["kind"]
    assert frame.set_index("t")["kind"].dropna().to_dict() == cliffs.to_dict()


def test_marks_stand_at_the_places_that_are_given(frame):
    axes = style.figure(2).add_subplot()
    x = np.sqrt(frame["t"].to_numpy())
    draw_curve(axes, frame, x)
    drawn = {line.get_xdata()[0] for line in axes.lines if line.get_url()}
    assert drawn == set(x[frame["kind"].notna()])
    (star,) = [line for line in axes.lines if line.get_marker() == "*"]
    assert star.get_xdata()[0] == x[-1]
    named = {handle.get_label() for handle in marks(frame)}
    assert {style.word(kind) for kind in frame["kind"].dropna()} <= named


def test_cliff_tokens_stand_on_their_color_and_others_that_count_in_a_frame():
    def box(text):
        patch = text._text.get_bbox_patch()
        return patch and (patch.get_facecolor()[:3], patch.get_linewidth() > 0)

    assert box(word("so")) is None
    color, framed = box(word("so", "uncertain"))
    assert color == pytest.approx(
        [int(style.KIND_COLORS["uncertain"][i : i + 2], 16) / 255 for i in (1, 3, 5)]
    )
    assert not framed
    assert box(word("so", framed=True))[1]

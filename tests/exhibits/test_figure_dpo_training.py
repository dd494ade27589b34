"""Training curves: what is published of them, and which lines are drawn."""

import numpy as np
import pandas as pd
import pytest
from helpers.exhibits import words

from cliff_tokens.exhibits import style
from cliff_tokens.exhibits.figure_dpo_training import draw, values


def history(model, variant, seed, losses):
    """A training whose loss goes through these steps, of which the last is held out too."""
    steps = np.arange(1, len(losses) + 1)
    train = pd.DataFrame({"step": steps, "split": "train", "loss": losses})
    held_out = train[-1:].assign(split="held_out")
    both = pd.concat([train, held_out], ignore_index=True)
    return both.assign(
        model=model, variant=variant, seed=seed, pairs=8, margin=0.1, accuracy=0.5, rate=1e-4
    )


TRAINING = pd.concat(
    [
        history("a", "all", "1", [0.6, 0.4]), history("a", "all", "2", [0.8, 0.2]),
        history("a", "uncertain", "1", [0.5, 0.5]), history("b", "all", "1", [0.9, 0.1]),
    ]
)  # fmt: skip


def lines(axes):
    """Heights of each line by its color."""
    return {line.get_color(): line.get_ydata().tolist() for line in axes.lines}


def test_what_is_shown_is_published_in_one_order():
    shown = values(TRAINING.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(shown, values(TRAINING))
    assert "rate" not in shown
    assert len(shown) == len(TRAINING)


def test_a_line_is_the_mean_over_the_seeds_of_a_variant():
    figure = draw(values(TRAINING), ["a", "b"], ["all", "uncertain"])
    loss, held_out, _ = figure.axes[:3]
    one, other = (style.VARIANT_COLORS[name] for name in ("all", "uncertain"))
    assert lines(loss)[one] == pytest.approx([0.7, 0.3])
    assert lines(loss)[other] == pytest.approx([0.5, 0.5])
    assert lines(held_out)[one] == pytest.approx([0.3])
    assert lines(figure.axes[3])[one] == pytest.approx([0.9, 0.1])


def test_rows_are_called_by_their_model_where_there_are_two():
    assert {"a", "b"} <= set(words(draw(values(TRAINING), ["a", "b"], ["all"])))
    of_one = TRAINING[TRAINING["model"].eq("a")]
    assert "a" not in words(draw(values(of_one), ["a"], ["all"]))

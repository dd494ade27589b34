"""Totals of the scorecard, whatever its words are."""

import pandas as pd

from cliff_tokens.scorecard.totals import count_words, summarize

CARD = pd.DataFrame({"word": ["agrees", "by construction", "agrees", "not measurable"]})


def test_words_are_counted_in_the_order_of_the_rows():
    assert list(count_words(CARD).items()) == [
        ("agrees", 2), ("by construction", 1), ("not measurable", 1),
    ]  # fmt: skip


def test_the_first_line_tells_all_rows():
    assert summarize(CARD) == "4 rows: 2 agrees, 1 by construction, 1 not measurable."

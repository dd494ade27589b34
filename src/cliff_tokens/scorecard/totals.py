"""The scorecard in one line: how many of its rows came out how."""

import pandas as pd


def count_words(card: pd.DataFrame) -> dict[str, int]:
    """Rows of the scorecard by their word, in the order in which the words first occur."""
    return {str(word): int(count) for word, count in card["word"].value_counts(sort=False).items()}


def summarize(card: pd.DataFrame) -> str:
    """The totals as a sentence; numbers of one kind that cannot be measured share a row."""
    counted = [f"{count} {word}" for word, count in count_words(card).items()]
    return f"{len(card)} rows: {', '.join(counted)}."

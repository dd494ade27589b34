"""Problems that are asked, and those that were dropped, by data set."""

from collections.abc import Mapping

import pandas as pd


def values(
    problems: pd.DataFrame, dropped: pd.DataFrame, sources: Mapping[str, Mapping[str, str]]
) -> pd.DataFrame:
    """A row for each data set, with counts of what is asked and of each kind that is not.

    ``problems`` and ``dropped`` are the tables of all of them; ``sources`` maps their names, in the
    order of the rows, to ``origin`` (generator, id on the Hub or file) and ``license``.
    """
    rows = []
    for name, source in sources.items():
        asked = problems[problems["dataset"].eq(name)]
        kinds = dropped.loc[dropped["dataset"].eq(name), "kind"]
        rows.append(
            {
                "dataset": name,
                "origin": source["origin"],
                "split": ", ".join(asked["split"].unique()),
                "asked": len(asked),
                "unreadable": int(kinds.eq("unreadable").sum()),
                "duplicates": int(kinds.eq("duplicate").sum()),
                "license": source["license"],
            }
        )
    return pd.DataFrame(rows)

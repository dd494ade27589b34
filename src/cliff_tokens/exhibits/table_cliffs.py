"""Every cliff of the run on a line: where it stands, what fell, and whether it is confirmed."""

from collections.abc import Sequence

import pandas as pd

from cliff_tokens.exhibits.confirmation import confirm
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.terminal import around


def values(
    cliffs: pd.DataFrame,
    resampling: pd.DataFrame,
    tokens: pd.DataFrame,
    test: CliffTest,
    models: Sequence[str],
    datasets: Sequence[str],
) -> pd.DataFrame:
    """A row for every cliff.

    ``context`` is the text around the token, which stands in »«; what cannot be seen is written
    out, as in \\x1b.

    Args:
        cliffs: rows of the table.
        resampling: the arms of each cliff, whose drop is ``fresh_drop``.
        tokens: every token of the traces.
        test: the rule, which has to flag the fresh drop too for a cliff to be confirmed.
        models: in the order of the rows.
        datasets: likewise.
    """
    found = confirm(cliffs, resampling, test)
    texts = {
        trace_id: rows.sort_values("t")["token"].tolist()
        for trace_id, rows in tokens.groupby("trace_id")
        if trace_id in set(found["trace_id"])
    }
    places = {"model": models, "dataset": datasets}
    for name, order in places.items():
        found[name] = pd.Categorical(found[name], list(order))
    found = found.sort_values([*places, "trace_id", "t"], ignore_index=True)
    return pd.DataFrame(
        {
            "model": found["model"].astype(str),
            "dataset": found["dataset"].astype(str),
            "kind": found["kind"],
            "context": [around(texts[cliff.trace_id], cliff.t) for cliff in found.itertuples()],
            "before": found["before"],
            "after": found["after"],
            "q": found["sampler_probability"],
            "fresh_drop": found["fresh_drop"],
            "confirmed": found["confirmed"],
            "outcome": found["outcome"],
            "t": found["t"],
            "length": [len(texts[trace_id]) for trace_id in found["trace_id"]],
            "cliff_id": found["cliff_id"],
        }
    )

"""What exhibits that read the model and problem of a trace from its name still need."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cliff_tokens.exhibits.cells import POOLED, mean_columns, share_columns

__all__ = ["POOLED", "Names", "mean_columns", "names_or_all", "owners_of", "share_columns"]

Names = Sequence[str] | None


def names_or_all(passed: Names, found: pd.Series) -> list[str]:
    return list(pd.unique(found)) if passed is None else list(passed)


def owners_of(*frames: pd.DataFrame) -> list[pd.DataFrame]:
    """Model and problem of each row of each frame, from {model}/{dataset}/{problem}/{sample}.

    Problem ids may hold slashes; names of models and data sets do not. Problems are numbered in
    the order of their names and shared between models: what is hard for one is hard for others.
    """
    codes, known = pd.factorize(pd.concat([frame["trace_id"] for frame in frames]))
    parts = pd.Series(known).str.split("/", n=1)
    model = parts.str[0].to_numpy(dtype=object)
    problem, _ = pd.factorize(parts.str[1].str.rsplit("/", n=1).str[0], sort=True)
    every = pd.DataFrame({"model": model[codes], "cluster": problem[codes]})
    ends = np.cumsum([len(frame) for frame in frames])
    return [
        every.iloc[end - len(frame) : end].reset_index(drop=True)
        for frame, end in zip(frames, ends, strict=True)
    ]

"""Counts of prefixes as anybody may have them: one trace, four tokens, two of them cliffs."""

import io

import pandas as pd

COUNTS = """trace,t,token,successes,rollouts,verdict,q
a,0,Add,48,64,incorrect,0.4
a,1, 3,24,32,incorrect,0.95
a,2," ""NA",16,64,incorrect,0.5
a,3,NA,8,16,incorrect,1
"""


def frame(text: str = COUNTS) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text), keep_default_na=False)


def counts_of(successes, rollouts, **columns) -> pd.DataFrame:
    """Counts of one trace."""
    counts = {"trace": "a", "t": range(len(successes)), "successes": successes}
    return pd.DataFrame({**counts, "rollouts": rollouts, **columns})

"""What the published protocol would have measured, drawn from estimates in place of rollouts.

With V_t known well, counts from a binomial at V_t are what independent rollouts would have given,
at no rollout's cost.
"""

import numpy as np
import pandas as pd
from scipy.stats import binom

from cliff_tokens.policies import sampling
from cliff_tokens.statistics import unpooled_error
from cliff_tokens.tables import PLACE


def published(reference: pd.DataFrame, rollouts: int, seed: int) -> pd.DataFrame:
    """Estimates from ``rollouts`` at every prefix, drawn once: rows of the ``estimates`` table.

    ``reference`` are the estimates that are taken for the truth. Draws are keyed by ``seed`` (that
    of the run), the trace and t.
    """
    ordered = reference.sort_values(PLACE, ignore_index=True)
    keys = {name: sampling.stream(seed, "simulated", name) for name in set(ordered["trace_id"])}
    uniforms = sampling.uniforms(ordered["trace_id"].map(keys).to_numpy(), ordered["t"].to_numpy())
    share = np.clip(ordered["before"].to_numpy(), 0, 1)
    # A uniform of exactly 0 would give -1.
    before = np.maximum(0, binom.ppf(uniforms, rollouts, share)).astype(int)
    estimates = estimates_of_counts(ordered, before, rollouts)
    p = estimates["before"]
    return estimates.assign(before_se=np.sqrt(p * (1 - p) / rollouts))


def estimates_of_counts(ordered: pd.DataFrame, before: np.ndarray, rollouts: int) -> pd.DataFrame:
    """Estimates from successes before every token; the trace's verdict follows its last.

    ``ordered`` are estimates sorted by trace and t, which give the tokens and the verdicts.
    """
    last = ordered["trace_id"].ne(ordered["trace_id"].shift(-1)).to_numpy()
    # The potential after a token is the one before the next; the last is the verdict, exact.
    verdict = np.rint(rollouts * ordered["after"].to_numpy()).astype(int)
    after = np.where(last, verdict, np.append(before[1:], 0))
    return ordered[PLACE].assign(
        before=before / rollouts,
        after=after / rollouts,
        drop_se=unpooled_error(before, after, rollouts),
    )

"""The kinds of cliff token, from the entropy and rank at the prefix before it (paper, RQ2).

| | greedy (rank 1) | not greedy |
|---|---|---|
| entropy <= h* | deterministic | other |
| entropy > h* | uncertain | sampled_off |

h* is the binary entropy of ``certain`` = .99, 0.0560 nats: below it the most probable token holds
nearly all of the probability.
"""

import math

import numpy as np

KINDS = ("deterministic", "uncertain", "sampled_off", "other")


def entropy_threshold(certain: float) -> float:
    """Binary entropy of ``certain`` in nats."""
    if not 0.5 <= certain < 1:
        raise ValueError(f"taxonomy: certain must be in [0.5, 1), found {certain}")
    return -certain * math.log(certain) - (1 - certain) * math.log(1 - certain)


def kinds(entropy: np.ndarray, rank: np.ndarray, certain: float) -> np.ndarray:
    """The kind of each token, from its entropy (nats) and its tie-aware rank (1 = greedy)."""
    low = np.asarray(entropy) <= entropy_threshold(certain)
    greedy = np.asarray(rank) == 1
    return np.select([low & greedy, ~low & greedy, ~low & ~greedy], KINDS[:3], KINDS[3])

"""Two cliffs and their candidates, with numbers made by hand."""

import numpy as np
import pandas as pd

# Two cliffs with .75 = 48/64 before them, so that before_se = sqrt(.75 * .25 / 64) = .0541.
#
#   cliff  token  probability  successes  drop   threshold
#   A      1        .50        60/64      -.188               greedy
#   A      2        .20        40/64       .125  .1 + 1.645 sqrt(.0541^2 + .0605^2) = .234  sampled
#   A      3        .10        10/64       .594  .1 + 1.645 sqrt(.0541^2 + .0454^2) = .216
#   B      4        .60        30/64       .281  .1 + 1.645 sqrt(.0541^2 + .0624^2) = .236  both
#   B      5        .15        48/64       .000
#
# Deleted, A recovers in 32/64 = .5 and B in 40/64 = .625: token 3 still falls by .344 (threshold
# .1 + 1.645 sqrt(.0625^2 + .0454^2) = .227), but token 4 by .156 only.
CLIFFS = pd.DataFrame(
    {
        "cliff_id": ["m/d/a/0@7", "m/d/b/0@4"],
        "trace_id": ["m/d/a/0", "m/d/b/0"],
        "model": "m",
        "dataset": "d",
        "problem_id": ["a", "b"],
        "t": [7, 4],
        "kind": ["sampled_off", "uncertain"],
        "entropy": [1.2, 0.8],
    }
)
ESTIMATES = CLIFFS[["trace_id", "t"]].assign(before=0.75, before_se=np.sqrt(0.75 * 0.25 / 64))
ARMS = pd.DataFrame(
    [("m/d/a/0@7", "del", 32, 64), ("m/d/b/0@4", "del", 40, 64)],
    columns=["cliff_id", "arm", "successes", "rollouts"],
)
A, B = CLIFFS["cliff_id"]
CANDIDATES = pd.DataFrame(
    [
        (A, 1, 1, 0.50, False, True, 60, 64),
        (A, 2, 2, 0.20, True, False, 40, 64),
        (A, 3, 3, 0.10, False, False, 10, 64),
        (B, 4, 1, 0.60, True, True, 30, 64),
        (B, 5, 2, 0.15, False, False, 48, 64),
    ],
    columns=["cliff_id", "token_id", "rank", "probability", "is_sampled", "is_greedy",
             "successes", "rollouts"],
)  # fmt: skip

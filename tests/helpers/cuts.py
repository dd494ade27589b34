"""Incorrect traces and their cut points by hand, as the tables traces, estimates and cut_points."""

import numpy as np
import pandas as pd

from cliff_tokens.stages.cut_points import METHODS

# Successes of 4 by trace and method; None where the method has no cut point. cliff_first and
# cliff_random exist together, restart always.
COUNTS = {
    "p1": {"cliff_first": 2, "cliff_random": 1, "critical": 2, "tangent": 3, "random": 0},
    "p2": {"cliff_first": 4, "cliff_random": 4, "critical": 1, "tangent": None, "random": 1},
    "p3": {"cliff_first": None, "cliff_random": None, "critical": 0, "tangent": None, "random": 4},
    "p4": {"cliff_first": None, "cliff_random": None, "critical": 2, "tangent": 1, "random": None},
}


def traces_of(names, model="m", dataset="d"):
    """An incorrect trace of each problem."""
    return pd.DataFrame(
        {
            "trace_id": [f"{model}/{dataset}/{name}/0" for name in names],
            "model": model, "dataset": dataset, "problem_id": list(names),
            "verdict": "incorrect",
        }
    )  # fmt: skip


def cuts_of(counts, model="m", dataset="d", rollouts=4):
    """Cut points with these successes; prefixes are the methods' numbers."""
    rows = []
    for name, successes_of in counts.items():
        for number, method in enumerate(METHODS):
            successes = 1 if method == "restart" else successes_of[method]
            drawn = successes is not None
            rows.append(
                {
                    "trace_id": f"{model}/{dataset}/{name}/0",
                    "method": method,
                    "prefix_t": number if drawn else pd.NA,
                    "successes": successes if drawn else pd.NA,
                    "rollouts": rollouts if drawn else pd.NA,
                    "generated_tokens": 10 * (number + 1) * rollouts if drawn else pd.NA,
                }
            )
    counted = ["prefix_t", "successes", "rollouts", "generated_tokens"]
    return pd.DataFrame(rows).astype(dict.fromkeys(counted, "Int64"))


def estimates_of(names, model="m", dataset="d"):
    """Potential 0.t before the token t + 1, so that a mean shows which prefixes it is of."""
    t = np.arange(1, 8)
    parts = [
        pd.DataFrame(
            {
                "trace_id": f"{model}/{dataset}/{name}/0", "t": t, "before": (t - 1) / 10,
                "after": t / 10,
            }
        )
        for name in names
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)

"""Passes of every estimator over the same traces, simulated as often as one likes.

A pass is what one estimator would have made of one set of traces, with rollouts of its own. Their
outcomes are drawn from the reference's potentials (``simulated_draws``), so that a pass costs no
rollout.
"""

import numpy as np
import pandas as pd

from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.estimators import Protocol
from cliff_tokens.stages.simulated_draws import Truth, draw_independent, simulate
from cliff_tokens.tables import PLACE

AUDITED = "audited"
SIMULATED = ("independent", "recycled", "recursive", "adaptive")
CATALOGUES = (SIMULATED[0], AUDITED, *SIMULATED[1:])
# Of curves, which are drawn through means over thousands of tokens: more would not show.
ROLLOUTS = (8, 16, 32, 64, 128, 256)
REPETITIONS = 10


def simulate_flags(
    truth: Truth, protocol: Protocol, fresh: int, repetitions: int, test: CliffTest, seed: int
) -> pd.DataFrame:
    """What every catalogue would hold: rows of the table ``simulated_flags``.

    Audited are the flags of independent rollouts at which the sampler had choice enough for a cliff
    and that as many fresh rollouts as an audit draws flag again.

    Args:
        truth: traces of one model on one data set, and their reference.
        protocol: how much every estimator draws.
        fresh: rollouts before and after a token, by which it is audited.
        repetitions: passes of each catalogue.
        test: the rule.
        seed: of the draws of this model on this data set.
    """
    places = truth.reference.sort_values(PLACE, ignore_index=True)[PLACE]
    q = places.merge(truth.tokens[[*PLACE, "sampler_probability"]], on=PLACE, validate="1:1")
    possible = (1 - q["sampler_probability"] > test.margin).to_numpy()
    parts = []
    for number, catalogue in enumerate(CATALOGUES):
        rng = np.random.default_rng([seed, number])
        for repetition in range(repetitions):
            if catalogue == AUDITED:
                published = draw_independent(truth.reference, protocol.rollouts, rng)
                again = draw_independent(truth.reference, fresh, rng)
                flags = possible & _flags(published, test) & _flags(again, test)
            else:
                drawn, _ = simulate(catalogue, truth, protocol, rng)
                flags = _flags(drawn.sort_values(PLACE), test)
            parts.append(places[flags].assign(estimator=catalogue, repetition=repetition))
    return pd.concat(parts, ignore_index=True)


def _flags(estimates: pd.DataFrame, test: CliffTest) -> np.ndarray:
    drop = estimates["before"] - estimates["after"]
    return np.asarray(test.flags(drop, estimates["drop_se"]))


def simulate_errors(truth: Truth, second_round: float, seed: int) -> pd.DataFrame:
    """Error of the potential against cost: rows of the table ``simulated_errors``.

    The reference is the truth here, so none of its variance is taken off. ``second_round`` is that
    of ``Protocol``, ``seed`` that of the draws of this model on this data set.
    """
    known = truth.reference.sort_values(PLACE)["before"].to_numpy()
    rows = []
    for rollouts in ROLLOUTS:
        rng = np.random.default_rng([seed, rollouts])
        protocol = Protocol(rollouts, rollouts, second_round)
        for repetition in range(REPETITIONS):
            for estimator in SIMULATED:
                drawn, spent = simulate(estimator, truth, protocol, rng)
                error = drawn.sort_values(PLACE)["before"].to_numpy() - known
                rows.append(
                    {
                        "estimator": estimator,
                        "rollouts": rollouts,
                        "repetition": repetition,
                        "expected_tokens": float(spent["generated_tokens"].sum()),
                        "prefixes": len(known),
                        "square_error": float(np.square(error).sum()),
                    }
                )
    return pd.DataFrame(rows)

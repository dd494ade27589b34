"""The estimators of potential: what each draws, and the table that it is counted in."""

from collections.abc import Iterable
from dataclasses import dataclass

from cliff_tokens.stages.taxonomy import KINDS


@dataclass(frozen=True)
class Estimator:
    """What an estimator is made of, and what its catalogue of cliffs holds."""

    draws: tuple[str, ...]  # its rounds of rollouts, in order; none: it draws nothing
    counts: str  # the table that its rollouts are counted in, potential or branches
    subset: bool = False  # whether it measures the traces of the run's subset only: it costs most
    kinds: tuple[str, ...] = KINDS  # of cliffs that its catalogue holds
    shares: bool = False  # whether a potential is the share of its own prefix's rollouts


ESTIMATORS = {
    "independent": Estimator(("independent",), "potential", subset=True, shares=True),
    # No rollout of its own: where those of independent leave the trace they are branches.
    "recycled": Estimator(("independent",), "potential", subset=True),
    "recursive": Estimator(("recursive",), "branches"),
    "adaptive": Estimator(("recursive", "adaptive"), "branches"),
    "reference": Estimator(("reference",), "branches", subset=True),
    # Drawn from the recursion's estimates in place of rollouts, for what trains on its false flags.
    "simulated": Estimator((), "potential", kinds=("deterministic",), shares=True),
}


@dataclass(frozen=True)
class Protocol:
    """How much the estimators draw.

    Attributes:
        rollouts: N of independent, from every prefix.
        branches: N of the recursion, which draws N (1 - q) branches where the sampler had a choice.
        second_round: tokens that adaptive adds, in shares of the first round's.
    """

    rollouts: int
    branches: int
    second_round: float


# What is drawn at cliffs, once for each estimator that found them.
AT_CLIFFS = ("resampling", "candidates", "cut_points", "forks")


def draws_of(estimators: Iterable[str], counts: str | None = None) -> list[str]:
    """The draws of these estimators, each once; ``counts`` keeps those of one table."""
    chosen = [ESTIMATORS[name] for name in estimators]
    draws = [draw for one in chosen if counts in (None, one.counts) for draw in one.draws]
    return list(dict.fromkeys(draws))


def covered(table: str, estimator: str) -> str:
    """The folder of the traces or tokens that an estimator measures: of all, or of the subset."""
    return f"subset/{table}" if ESTIMATORS[estimator].subset else table


def scored(estimators: Iterable[str]) -> list[str]:
    """Those of a run that are set against its reference: its own, and what costs little besides.

    A second round is cheap, and recycled takes no rollout beside those of independent.
    """
    chosen = {*estimators, "recursive", "adaptive"}
    if "independent" in chosen:
        chosen.add("recycled")
    return [name for name in ESTIMATORS if name in chosen]


def rollouts_of(estimator: str, protocol: Protocol) -> int:
    """N of an estimator that a run has."""
    return protocol.branches if ESTIMATORS[estimator].counts == "branches" else protocol.rollouts


def stage_of(draws: str) -> str:
    """The stage that plans these draws, as ``REVISIONS`` calls it."""
    first = draws.split("/")[0]
    if first in AT_CLIFFS:
        return first
    return "potential" if first == "independent" else "recursion"

"""Cut points: where else an incorrect trace can be cut and rolled out again (paper, RQ1).

All but the last two are read off one series of potentials, the estimates p_0 .. p_T, of which p_T
is the verdict of the trace. Each but the last has its rule in the paper:

| method | rollouts start from |
|---|---|
| cliff_first, cliff_random | the prefix before the trace's first cliff, before one drawn of all |
| critical | the prefix before the critical token: potential 0, and low from there to the end |
| tangent | the start of the first reasoning tangent, a stretch over which the potential falls |
| random | a prefix drawn from 1 .. T-1 |
| restart | the bare prompt (ours: what cutting anywhere later has to beat) |

A trace may have no cut point by a method; then nothing is measured, which is not the same as
rollouts that all fail. Methods that cut at the same place share its rollouts, and a place before a
cliff has those of the arm ``del``, so that equal cuts compare as equal.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cliff_tokens.policies import sampling
from cliff_tokens.stages.rollouts import COUNTS, join, make_plan
from cliff_tokens.tables import PLACE, among, require

METHODS = ("cliff_first", "cliff_random", "critical", "tangent", "random", "restart")
_CUT = ["trace_id", "prefix_t"]


@dataclass(frozen=True)
class CutRules:
    """What is a critical token and what a reasoning tangent (paper, baselines of RQ1).

    Args:
        low: potential that every prefix from a critical token on stays below.
        chunks: stretches that a trace is divided into.
        drop: fall in potential over a stretch that makes it a tangent, if reached.
    """

    low: float = 0.05
    chunks: int = 20
    drop: float = 0.3

    def critical(self, potential: np.ndarray) -> int | None:
        """The first token t with p_t = 0 and every later potential low, from p_0 .. p_T."""
        after = potential[1:]
        stays = np.logical_and.accumulate((after < self.low)[::-1])[::-1]
        (places,) = np.nonzero((after == 0) & stays)
        return int(places[0]) + 1 if len(places) else None

    def tangents(self, potential: np.ndarray) -> np.ndarray:
        """Prefixes at which tangents start and end, int [tangents, 2], from p_0 .. p_T.

        Boundaries are those of linspace over the prefixes, rounded down. With more chunks than
        tokens some are empty, and an empty chunk does not fall.
        """
        last = len(potential) - 1
        bounds = np.arange(self.chunks + 1) * last // self.chunks
        starts, ends = bounds[:-1], bounds[1:]
        # A fall of 3 in 10 is not 0.3 in binary floating point.
        falls = potential[starts] - potential[ends] >= self.drop - 1e-9
        return np.column_stack([starts, ends])[falls]


def series(estimates: pd.DataFrame) -> dict[str, np.ndarray]:
    """The potentials p_0 .. p_T of every trace, from rows of the ``estimates`` table."""
    potentials = {}
    for trace_id, rows in estimates.sort_values(PLACE).groupby("trace_id"):
        if rows["t"].tolist() != list(range(1, len(rows) + 1)):
            raise ValueError(
                f"{trace_id}: expected estimates of the tokens 1 .. {rows['t'].max()}, "
                f"found {len(rows)}; estimate the potential again"
            )
        potentials[trace_id] = np.append(rows["before"].iloc[0], rows["after"])
    return potentials


def locate(
    estimates: pd.DataFrame,
    traces: pd.DataFrame,
    cliffs: pd.DataFrame,
    rules: CutRules,
    seed: int,
) -> pd.DataFrame:
    """The cut point of every incorrect trace by every method: rows of the ``cuts`` table.

    ``prefix_t`` is null where the method has none.

    Args:
        estimates: those that selected the cliffs.
        traces: rows of the table, of any verdict.
        cliffs: rows of the table.
        rules: what is a critical token and what a tangent.
        seed: of the run; keys the methods that draw, together with the trace.
    """
    potentials = series(estimates)
    tokens = cliffs.sort_values("t").groupby("trace_id")["t"].agg(list)
    rows = []
    for trace in traces[traces["verdict"].ne("correct")].itertuples():
        if trace.trace_id not in potentials:
            raise ValueError(f"{trace.trace_id}: has no estimates; estimate the potential again")
        potential = potentials[trace.trace_id]
        before_cliffs = [t - 1 for t in tokens.get(trace.trace_id, [])]
        critical = rules.critical(potential)
        tangents = rules.tangents(potential)
        prefix = {
            "cliff_first": before_cliffs[0] if before_cliffs else None,
            "cliff_random": _draw(seed, "cliff", trace.trace_id, before_cliffs),
            "critical": None if critical is None else critical - 1,
            "tangent": int(tangents[0, 0]) if len(tangents) else None,
            "random": _draw(seed, "random", trace.trace_id, range(1, len(potential) - 1)),
            "restart": 0,
        }
        rows += [(trace.trace_id, method, prefix[method]) for method in METHODS]
    cuts = pd.DataFrame(rows, columns=["trace_id", "method", "prefix_t"])
    return cuts.astype({"prefix_t": "Int64"})


def plan_cut_points(cuts: pd.DataFrame, resampling: pd.DataFrame, count: int) -> pd.DataFrame:
    """``count`` rollouts from every cut point that no arm ``del`` starts at: rows of ``plans``.

    ``cuts`` is what ``locate`` gives.
    """
    cuts = cuts.dropna().astype({"prefix_t": "int64"})
    deleted = resampling[resampling["arm"].eq("del")]
    at_cliffs = cuts[cuts["method"].str.startswith("cliff")]
    require(
        at_cliffs,
        among(at_cliffs, deleted, _CUT),
        "{trace_id}: the cliff after prefix {prefix_t} has no rollouts of the arm del; "
        "resample the cliffs again",
    )
    places = cuts[_CUT].drop_duplicates()
    places = places[~among(places, deleted, _CUT)].assign(rollouts=count)
    return make_plan(places, [("cut_points", row[0], row[1]) for row in places[_CUT].to_numpy()])


def collect_cut_points(
    cuts: pd.DataFrame, resampling: pd.DataFrame, plan: pd.DataFrame, rollouts: pd.DataFrame
) -> pd.DataFrame:
    """Rows of the ``cut_points`` table: cut points with what was drawn, or what ``del`` has."""
    deleted = resampling[resampling["arm"].eq("del")]
    deleted = deleted.assign(reused=deleted["rollouts"])
    drawn = join(plan, rollouts).assign(reused=0)
    columns = [*_CUT, *COUNTS, "reused"]
    measured = pd.concat([drawn[columns], deleted[columns]])
    measured = measured.astype(dict.fromkeys(["prefix_t", *COUNTS, "reused"], "Int64"))
    return cuts.merge(measured, on=_CUT, how="left", validate="m:1")


def _draw(seed: int, what: str, trace_id: str, choices) -> int | None:
    """One of the choices, each equally likely; None where there are none."""
    if not len(choices):
        return None
    stream = np.array([sampling.stream(seed, "cut_points", what, trace_id)])
    return int(choices[int(sampling.uniforms(stream, 0)[0] * len(choices))])

"""What could have stood in a token's place: sampler probability, and where it was measured to lead.

A row is [token, sampler probability, probability at temperature 1, successes, rollouts, low, high]:
the token as text, or its id where no table has the text; null where something was not measured. The
last row, of the token null, is the rest of the vocabulary, followed by how many tokens of the rest
the sampler offered.
"""

import pandas as pd

from cliff_tokens.explorer.rounding import short
from cliff_tokens.stages.controls import most_probable_first
from cliff_tokens.statistics import wilson
from cliff_tokens.tables import PLACE

LISTED = 10  # other tokens of a position that are listed; the rest is one row
_KEY = [*PLACE, "token_id"]
_UNMEASURED = [None] * 4


class Offered:
    """The tokens that the sampler could have drawn instead, with the branches that begin so.

    Args:
        alternatives: rows of the table.
        branches: rows of the table, of any number of rounds, which are added up.
        vocabulary: the text of token ids, as far as it is known.
        confidence: of the intervals.
    """

    def __init__(
        self,
        alternatives: pd.DataFrame,
        branches: pd.DataFrame,
        vocabulary: dict[int, str],
        confidence: float,
    ):
        counts = branches.rename(columns={"first_token_id": "token_id"})
        counts = counts.groupby(_KEY, as_index=False)[["successes", "rollouts"]].sum()
        rows = alternatives.merge(counts, on=_KEY, how="left")
        rows = _with_ends(rows.fillna({"successes": 0, "rollouts": 0}), confidence)
        rows = most_probable_first(rows)
        self._by_trace, self._none = dict(iter(rows.groupby("trace_id"))), rows.iloc[:0]
        self._vocabulary, self._confidence = vocabulary, confidence

    def of_trace(self, trace_id: str) -> dict[str, list]:
        """The rows of every position at which the sampler had a choice, by t."""
        if trace_id not in self._by_trace:
            return {}
        made: dict[str, list] = {}
        rest: dict[str, list] = {}
        for row in self._by_trace[trace_id].itertuples():
            t = str(row.t)
            if len(made.setdefault(t, [])) < LISTED:
                token = self._vocabulary.get(row.token_id, int(row.token_id))
                made[t].append([token, short(row.probability), None, *_counts(row)])
            else:
                rest.setdefault(t, []).append(row)
        for t, rows in rest.items():
            made[t].append(self._rest(pd.DataFrame(rows)))
        return made

    def with_candidates(
        self, trace_id: str, t: int, q: float, candidates: pd.DataFrame
    ) -> list[list]:
        """The rows at a cliff, whose candidates were measured: all but the cliff token's own.

        Args:
            trace_id: of the cliff.
            t: its position.
            q: its sampler probability.
            candidates: rows of the table, the cliff token among them.
        """
        offered = self._by_trace.get(trace_id, self._none)
        offered = offered[offered["t"].eq(t)]
        chance = offered.set_index("token_id")["probability"].to_dict()
        rows, listed = [], 0.0
        others = candidates[~candidates["is_sampled"]].sort_values(["rank", "token_id"])
        for row in _with_ends(others, self._confidence).itertuples():
            sampler = chance.pop(row.token_id, 0.0)
            listed += sampler
            rows.append([row.token, short(sampler), short(row.probability), *_counts(row)])
        counts = self._pooled(offered[offered["token_id"].isin(list(chance))])
        rest = max(0.0, 1 - candidates["probability"].sum())
        beyond = max(0.0, 1 - q - listed) if chance else 0.0
        return [*rows, [None, short(beyond), short(rest, 2), *counts, len(chance)]]

    def _rest(self, rows: pd.DataFrame) -> list:
        share = short(rows["probability"].sum())
        return [None, share, None, *self._pooled(rows), len(rows)]

    def _pooled(self, rows: pd.DataFrame) -> list:
        """The counts of all rows together."""
        sums = rows[["successes", "rollouts"]].sum().to_frame().T
        return _counts(next(_with_ends(sums, self._confidence).itertuples()))


def _with_ends(rows: pd.DataFrame, confidence: float) -> pd.DataFrame:
    low, high = wilson(rows["successes"], rows["rollouts"], confidence)
    return rows.assign(low=low, high=high)


def _counts(row) -> list:
    if not row.rollouts:
        return _UNMEASURED
    return [int(row.successes), int(row.rollouts), short(row.low, 3), short(row.high, 3)]

"""Which candidates lead over a cliff, and how probable they are together."""

import numpy as np
import pandas as pd
import pytest
from helpers.two_cliffs import ARMS, CANDIDATES, CLIFFS, ESTIMATES

from cliff_tokens.stages.cliff_test import CliffTest, boundary
from cliff_tokens.stages.independent import estimate_independent
from cliff_tokens.stages.masses import find_members, weigh


def find(reading, candidates=CANDIDATES, estimates=ESTIMATES):
    members = find_members(candidates, CLIFFS, estimates, ARMS, CliffTest())
    return members[members["reading"].eq(reading)]


@pytest.mark.parametrize(
    ("reading", "tokens", "mass", "other", "counted"),
    [
        ("published", [2, 3, 4], [0.3, 0.6], [0.5, 0.15], [2, 1]),
        ("own", [3, 4], [0.1, 0.6], [0.7, 0.15], [1, 1]),
        ("fresh", [3], [0.1, 0.0], [0.7, 0.75], [1, 0]),
    ],
)
def test_masses_of_a_hand_made_pair_of_cliffs(reading, tokens, mass, other, counted):
    members = find_members(CANDIDATES, CLIFFS, ESTIMATES, ARMS, CliffTest())
    assert members.loc[members["reading"].eq(reading), "token_id"].tolist() == tokens
    rows = weigh(CANDIDATES, members, CLIFFS)
    rows = rows[rows["reading"].eq(reading)].sort_values("cliff_id")
    assert rows["cliff_mass"].tolist() == pytest.approx(mass)
    assert rows["other_mass"].tolist() == pytest.approx(other)
    assert rows["cliff_candidates"].tolist() == counted
    tail = 1 - CANDIDATES.groupby("cliff_id")["probability"].sum().to_numpy()
    assert (rows["cliff_mass"] + rows["other_mass"] + tail).tolist() == pytest.approx([1, 1])


def test_more_rollouts_of_a_candidate_narrow_its_threshold():
    # .625 of 6400: drop .125 against .1 + 1.645 sqrt(.0541^2 + .0061^2) = .190, and with an error
    # of .005 before it against .1 + 1.645 sqrt(.005^2 + .0061^2) = .113.
    at = CANDIDATES["token_id"] != 2
    more = CANDIDATES.assign(
        successes=CANDIDATES["successes"].where(at, 4000),
        rollouts=CANDIDATES["rollouts"].where(at, 6400),
    )
    for error, tokens in ((np.sqrt(0.75 * 0.25 / 64), [3, 4]), (0.005, [2, 3, 4])):
        members = find("own", more, ESTIMATES.assign(before_se=error))
        assert members["token_id"].tolist() == tokens


def test_with_independent_counts_the_rule_is_the_published_one():
    # A cliff for each count before, a candidate for each count after: 65 x 65 cells, 1283 cliffs.
    before, after = (axis.ravel() for axis in np.mgrid[0:65, 0:65])
    names = np.array([f"m/d/{k:02d}/0@1" for k in range(65)])
    cliffs = pd.DataFrame({"cliff_id": names, "trace_id": [name[:-2] for name in names], "t": 1})
    traces = cliffs[["trace_id"]].assign(token_ids=[[1]] * 65, verdict="incorrect")
    counts = cliffs[["trace_id"]].assign(t=0, successes=range(65), rollouts=64)
    estimates = estimate_independent(counts, traces)
    arms = pd.DataFrame({"cliff_id": names, "arm": "del", "successes": 0, "rollouts": 64})
    rows = pd.DataFrame(
        {
            "cliff_id": names[before],
            "token_id": after,
            "is_sampled": False,
            "successes": after,
            "rollouts": 64,
        }
    )
    members = find_members(rows, cliffs, estimates, arms, CliffTest())
    members = members[members["reading"].eq("published")]
    assert len(members) == 1283
    largest = members.groupby("cliff_id")["token_id"].max()
    limits = boundary(CliffTest(), 64).dropna()
    assert largest.to_dict() == {
        names[row.successes_before]: row.successes_after for row in limits.itertuples()
    }


def test_candidates_without_a_potential_before_them_are_refused():
    with pytest.raises(ValueError, match=r"m/d/b/0@4: has candidates but no potential"):
        find_members(CANDIDATES, CLIFFS, ESTIMATES, ARMS[:1], CliffTest())
    members = find_members(CANDIDATES, CLIFFS, ESTIMATES, ARMS, CliffTest())
    with pytest.raises(ValueError, match=r"m/d/b/0@4: has no candidates"):
        weigh(CANDIDATES[:3], members[:0], CLIFFS)

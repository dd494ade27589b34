"""What stands in a token's place: sampler probability, measured potential, and the rest."""

import pandas as pd
import pytest

from cliff_tokens.explorer.alternatives import LISTED, Offered
from cliff_tokens.statistics import wilson

ALTERNATIVES = pd.DataFrame(
    {"trace_id": "a", "t": [3, 3, 5], "token_id": [7, 8, 9], "probability": [0.2, 0.5, 0.1]}
)
BRANCHES = pd.DataFrame(
    {
        "trace_id": "a",
        "t": [3, 3],
        "first_token_id": [8, 8],
        "successes": [4, 2],
        "rollouts": [8, 4],
    }
)


@pytest.fixture
def offered():
    return Offered(ALTERNATIVES, BRANCHES, {8: " eight", 7: "7"}, 0.95)


def test_the_most_probable_comes_first_and_rounds_of_branches_add_up(offered):
    rows = offered.of_trace("a")
    low, high = wilson(6, 12, 0.95)
    ends = [pytest.approx(end, abs=1e-3) for end in (low, high)]
    assert rows["3"] == [[" eight", 0.5, None, 6, 12, *ends], ["7", 0.2, None, *[None] * 4]]
    assert rows["5"][0][0] == 9  # no table has its text
    assert offered.of_trace("b") == {}


def test_beyond_the_listed_tokens_the_rest_is_one_row_with_all_their_counts():
    many = pd.DataFrame({"trace_id": "a", "t": 1, "token_id": range(15), "probability": 0.05})
    branches = pd.DataFrame(
        {"trace_id": "a", "t": 1, "first_token_id": range(15), "successes": 1, "rollouts": 2}
    )
    rows = Offered(many, branches, {}, 0.95).of_trace("a")["1"]
    assert len(rows) == LISTED + 1
    assert rows[-1][:5] == [None, 0.25, None, 5, 10]
    assert rows[-1][-1] == 5


def test_candidates_have_both_probabilities_and_the_rest_is_what_is_left(offered):
    candidates = pd.DataFrame(
        {
            "token_id": [1, 8, 30],
            "token": ["one", " eight", "x"],
            "rank": [2, 1, 3],
            "probability": [0.3, 0.45, 0.05],
            "is_sampled": [True, False, False],
            "successes": [0, 32, 64],
            "rollouts": 64,
        }
    )
    rows = offered.with_candidates("a", 3, 0.3, candidates)
    assert [row[0] for row in rows] == [" eight", "x", None]
    assert rows[0][1:5] == [0.5, 0.45, 32, 64]
    assert rows[1][1:5] == [0, 0.05, 64, 64]  # the sampler never draws it
    assert rows[2][1:3] == [0.2, 0.2]
    assert rows[2][-1] == 1
    alone = offered.with_candidates("b", 1, 1.0, candidates)
    assert alone[-1][1] == 0

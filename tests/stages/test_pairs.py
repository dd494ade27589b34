"""Pairs: which candidates are preferred to a cliff token, weights, splits, controls, responses."""

import numpy as np
import pandas as pd
import pytest

from cliff_tokens import tables
from cliff_tokens.stages import pairs, simulation
from cliff_tokens.stages.cliff_test import CliffTest

# Two traces of 4 tokens; x_2 of the first and x_3 of the second are cliffs.
TRACES = pd.DataFrame(
    {
        "trace_id": ["m/d/a/0", "m/d/b/0"],
        "problem_id": ["a", "b"],
        "sample": 0,
        "verdict": ["incorrect", "incorrect"],
        "prompt_ids": [[90, 91], [90, 92]],
        "token_ids": [[10, 11, 12, 13], [20, 21, 22, 23]],
    }
)
CLIFFS = pd.DataFrame(
    {
        "cliff_id": ["m/d/a/0@2", "m/d/b/0@3"],
        "trace_id": ["m/d/a/0", "m/d/b/0"],
        "problem_id": ["a", "b"],
        "t": [2, 3],
        "token_id": [11, 22],
        "kind": ["uncertain", "sampled_off"],
        "sampler_probability": [0.5, 0.3],
    }
)
ESTIMATES = pd.DataFrame(
    {
        "trace_id": np.repeat(TRACES["trace_id"].to_numpy(), 4),
        "t": [1, 2, 3, 4] * 2,
        "before": [0.5] * 8,
        "after": 0.0,
        "drop_se": 0.05,
        "before_se": 0.05,
    }
)
# The first cliff: 40 of 64 and 16 of 64 beside the cliff token's own 10; the second: only junk.
CANDIDATES = pd.DataFrame(
    [
        ("m/d/a/0@2", 11, 1, True, 10),
        ("m/d/a/0@2", 30, 2, False, 40),
        ("m/d/a/0@2", 31, 3, False, 16),
        ("m/d/a/0@2", 32, 4, False, 30),
        ("m/d/b/0@3", 22, 2, True, 2),
        ("m/d/b/0@3", 33, 1, False, 3),
    ],
    columns=["cliff_id", "token_id", "rank", "is_sampled", "successes"],
).assign(rollouts=64)
TOKENS = pd.DataFrame(
    {
        "trace_id": np.repeat(TRACES["trace_id"].to_numpy(), 4),
        "t": [1, 2, 3, 4] * 2,
        "token_id": [10, 11, 12, 13, 20, 21, 22, 23],
        "entropy": 0.7,
        "rank": [1, 1, 1, 2, 1, 1, 2, 2],
        "sampler_probability": [0.9, 0.5, 0.6, 0.3, 0.55, 1.0, 0.3, 0.35],
    }
)
ALTERNATIVES = pd.DataFrame(
    [
        ("m/d/a/0", 1, 40, 0.1),
        ("m/d/a/0", 3, 41, 0.3), ("m/d/a/0", 3, 42, 0.1),
        ("m/d/a/0", 4, 43, 0.7),
        ("m/d/b/0", 1, 44, 0.45),
        ("m/d/b/0", 4, 45, 0.65),
    ],
    columns=["trace_id", "t", "token_id", "probability"],
)  # fmt: skip
RESAMPLING = pd.DataFrame(
    [
        ("m/d/a/0@2", "del", 40), ("m/d/a/0@2", "keep", 10),
        ("m/d/b/0@3", "del", 20), ("m/d/b/0@3", "keep", 18),
    ],
    columns=["cliff_id", "arm", "successes"],
).assign(rollouts=64)  # fmt: skip
# Beside the first cliff: the trace's own token of b@1 leads further; a@3's two sides lead alike.
FORKS = pd.DataFrame(
    [
        ("m/d/a/0@2", "m/d/b/0", 1, 20, True, 50), ("m/d/a/0@2", "m/d/b/0", 1, 44, False, 5),
        ("m/d/b/0@3", "m/d/a/0", 3, 12, True, 30), ("m/d/b/0@3", "m/d/a/0", 3, 41, False, 32),
    ],
    columns=["cliff_id", "trace_id", "t", "token_id", "is_sampled", "successes"],
).assign(rollouts=64)  # fmt: skip
FRAMES = {
    "cliffs": CLIFFS, "candidates": CANDIDATES, "estimates": ESTIMATES, "resampling": RESAMPLING,
    "tokens": TOKENS, "alternatives": ALTERNATIVES, "traces": TRACES, "forks": FORKS,
}  # fmt: skip


def build(
    variant, chosen="better", weights="cliff", top=10, held_out=0.0, frames=FRAMES, matched=None
):
    rule = pairs.PairRule(CliffTest(0.1, 1.645), top, chosen, weights)
    settings = {"certain": 0.99, "held_out": held_out, "matched": matched, "seed": 1}
    return pairs.build(variant, frames, rule, **settings)


def sides(built):
    return sorted((row.chosen_ids[0], row.rejected_ids[0]) for row in built.itertuples())


def test_better_takes_candidates_above_the_cliff_token_by_more_than_noise():
    # 16/64 against 10/64 differs by .094, less than 1.645 standard errors of .071; 30 and 40 more.
    built, counts = build("all")
    assert sides(built) == [(30, 11), (32, 11)]
    assert counts == {
        "cliffs": 2, "outside_candidates": 0, "without_a_preferred_candidate": 1, "pairs": 2
    }  # fmt: skip


def test_published_takes_every_candidate_that_is_no_cliff_itself():
    # From .5 (error .05): 16/64 falls by .25 > .1 + 1.645 * .0737 = .2213, a cliff; 3/64 too.
    built, _ = build("all", chosen="published")
    assert sides(built) == [(30, 11), (32, 11)]
    close = CANDIDATES.assign(successes=CANDIDATES["successes"].replace(16, 18))
    # 18/64 falls by .2188 < .1 + 1.645 * .0752 = .2237: kept, though barely above the cliff token.
    built, _ = build("all", chosen="published", frames={**FRAMES, "candidates": close})
    assert sides(built) == [(30, 11), (31, 11), (32, 11)]


def test_the_prompt_is_the_prefix_before_the_cliff_as_token_ids():
    built, _ = build("all")
    assert [list(ids) for ids in built["prompt_ids"]] == [[90, 91, 10]] * 2
    assert built["before"].tolist() == [0.5, 0.5]
    assert built.loc[built["pair_id"] == "m/d/a/0@2/30", "successes_chosen"].item() == 40
    assert built["successes_rejected"].tolist() == [10, 10]


def test_weights_of_a_cliff_sum_to_one_or_count_each_pair():
    built, _ = build("all")
    assert built.groupby("cliff_id")["weight"].sum().tolist() == [1.0]
    assert build("all", weights="pair")[0]["weight"].tolist() == [1.0, 1.0]


def test_a_cliff_token_outside_the_candidates_is_counted():
    far = CANDIDATES.assign(rank=np.where(CANDIDATES["token_id"] == 11, 14, CANDIDATES["rank"]))
    built, counts = build("all", frames={**FRAMES, "candidates": far})
    assert built.empty
    assert (counts["cliffs"], counts["outside_candidates"]) == (2, 1)


def test_kinds_and_confirmation_choose_cliffs():
    assert sides(build("uncertain")[0]) == [(30, 11), (32, 11)]
    assert build("sampled_off")[0].empty
    assert build("deterministic")[0].empty
    # 40 -> 10 of 64 is a cliff again, 20 -> 18 is not.
    assert build("audited")[1]["cliffs"] == 1


def test_controls_are_other_tokens_of_the_same_kind_and_as_many_pairs():
    # The uncertain cliff (q .5) gave two pairs: b@1 (q .55) has one alternative, a@3 (q .6) two.
    built, counts = build("random")
    assert sides(built) == [(41, 12), (44, 20)]
    assert counts == {"cliffs": 2, "controls": 2, "pairs": 2}
    assert built["successes_chosen"].isna().all()
    assert list(built["prompt_ids"].iloc[0]) in ([90, 91, 10, 11], [90, 92])


def test_forks_prefer_the_side_that_was_measured_to_lead_further():
    built, counts = build("forks")
    assert sides(built) == [(20, 44)]  # the trace's own token
    assert counts == {"forks": 2, "without_a_preferred_side": 1, "pairs": 1}
    pair = built.iloc[0]
    assert (pair["pair_id"], pair["kind"], pair["before"]) == ("m/d/b/0@1/20", "uncertain", 0.5)
    assert (pair["successes_chosen"], pair["successes_rejected"]) == (50, 5)
    assert list(pair["prompt_ids"]) == [90, 92]
    falls = FORKS.assign(successes=[5, 50, 30, 32])
    assert sides(build("forks", frames={**FRAMES, "forks": falls})[0]) == [(44, 20)]


def test_flipped_pairs_are_those_of_all_with_their_sides_exchanged():
    flipped, there = build("flipped")[0], build("all")[0]
    assert flipped["pair_id"].tolist() == there["pair_id"].tolist()
    for side, other in (("chosen", "rejected"), ("rejected", "chosen")):
        for name in ("successes", "rollouts"):
            assert (flipped[f"{name}_{side}"] == there[f"{name}_{other}"]).all()
        assert flipped[f"{side}_ids"].tolist() == there[f"{other}_ids"].tolist()
    assert flipped["weight"].tolist() == there["weight"].tolist()


def test_splits_are_by_problem_disjoint_and_the_same_for_all_variants():
    names = pd.Series([f"p{number:03d}" for number in range(50)])
    apart = pairs.held_out_problems(names, 0.1, 1)
    assert len(apart) == 5
    assert apart == pairs.held_out_problems(names.sample(frac=1, random_state=1), 0.1, 1)
    assert apart != pairs.held_out_problems(names, 0.1, 2)
    built, _ = build("all", held_out=0.5)
    assert built.groupby("problem_id")["split"].nunique().max() == 1


def drawn(size, seed=1, rows=None):
    """Ids of the pairs that are drawn of forty to train on and ten that are held out."""
    splits = ["train"] * 40 + ["held_out"] * 10
    many = pd.DataFrame({"pair_id": [f"m/d/{i:02d}/0@3/7" for i in range(50)], "split": splits})
    many = many if rows is None else many.iloc[rows]
    kept = pairs.subsample(many, "all", size, seed)
    return kept.groupby("split")["pair_id"].agg(list)


def test_as_many_pairs_as_asked_are_drawn_by_their_ids_and_fewer_are_among_more():
    few, many = drawn(7), drawn(20)
    assert (len(few["train"]), len(many["train"])) == (7, 20)
    assert set(few["train"]) < set(many["train"])
    assert len(few["held_out"]) == 10  # nobody trains on them
    assert few["train"] == sorted(few["train"])  # in the order that they had
    shuffled = drawn(7, rows=np.random.default_rng(1).permutation(50))
    assert set(shuffled["train"]) == set(few["train"])
    assert set(drawn(7, seed=2)["train"]) != set(few["train"])
    # Whether a pair is drawn depends on no pair that is not: without those, the others stay.
    assert set(drawn(7, rows=[int(name[4:6]) for name in many["train"]])["train"]) == set(
        few["train"]
    )


def test_matched_pairs_weigh_what_is_left_of_their_cliff():
    assert build("all", matched=2)[0]["weight"].tolist() == [0.5, 0.5]
    built, counts = build("all", matched=1)
    assert built["weight"].tolist() == [1.0]
    assert counts["pairs"] == 1


def test_a_variant_with_fewer_pairs_than_are_matched_is_refused_by_name():
    with pytest.raises(
        ValueError, match=r"training\.matched: expected at least 3 .* uncertain has 2"
    ):
        build("uncertain", matched=3)


def test_responses_pair_correct_with_incorrect_traces_of_one_problem():
    verdicts = ["correct", "incorrect", "correct", "unparsed", "timeout", "incorrect"]
    traces = pd.DataFrame(
        {
            "trace_id": [f"m/d/a/{i}" for i in range(5)] + ["m/d/b/0"],
            "problem_id": ["a"] * 5 + ["b"],
            "sample": [0, 1, 2, 3, 4, 0],
            "verdict": verdicts,
            "prompt_ids": [[90]] * 6,
            "token_ids": [[i, 1] for i in range(6)],
        }
    )
    built, counts = build("response", frames={**FRAMES, "traces": traces})
    assert [(list(row.chosen_ids), list(row.rejected_ids)) for row in built.itertuples()] == [
        ([0, 1], [1, 1]),
        ([2, 1], [3, 1]),
    ]
    assert counts == {"problems": 2, "problems_with_both": 1, "pairs": 2}


@pytest.mark.parametrize(
    "variant", ["all", "flipped", "forks", "random", "deterministic", "response", "audited"]
)
def test_every_variant_is_a_table_even_without_pairs(tmp_path, variant):
    built, _ = build(variant)
    tables.write(built, tmp_path / "pairs.parquet", "pairs", {})
    assert len(tables.read(tmp_path / "pairs.parquet", "pairs")) == len(built)


def test_without_cliffs_and_traces_there_are_no_pairs():
    nothing = {name: tables.empty(name) for name in FRAMES}
    built, counts = build("all", held_out=1.0, frames=nothing)
    assert built.empty
    assert counts["cliffs"] == 0


def test_an_unknown_rule_is_named():
    with pytest.raises(ValueError, match=r"training\.chosen: expected published or better, found"):
        pairs.PairRule(CliffTest(), 10, "best", "pair")


def test_the_simulated_protocol_is_keyed_by_token_and_flags_what_rollouts_would():
    reference = ESTIMATES.assign(before=[0.5] * 4 + [0.0, 0.0, 1.0, 1.0])
    drawn = simulation.published(reference, 64, seed=1)
    assert drawn.loc[4:, "before"].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert drawn["after"].iloc[0] == drawn["before"].iloc[1]
    alone = simulation.published(reference.iloc[4:], 64, seed=1)
    pd.testing.assert_frame_equal(alone, drawn.iloc[4:].reset_index(drop=True))
    many = pd.concat(
        [reference.iloc[:4].assign(trace_id=f"m/d/{i}/0") for i in range(300)], ignore_index=True
    )
    counts = 64 * simulation.published(many, 64, seed=1)["before"]
    # 1200 draws from a binomial: mean 32 +- 4 * 4 / sqrt(1200), variance 16.
    assert abs(counts.mean() - 32) < 0.47
    assert 13 < counts.var() < 19

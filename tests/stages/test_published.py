"""Published rollouts: what is read, what is refused, and what becomes a null."""

import numpy as np
import pandas as pd
import pytest
from helpers.published import encode, record, write

from cliff_tokens.stages import published
from cliff_tokens.stages.cliff_test import CliffTest

# Scores of the trace that the authors' Figure 4 shows (Qwen3-4B, AIME25 problem 1, 64 rollouts a
# prefix): figure/data/fig4_self_correction/trace.json of beaver-22/Cliff-token at commit 68c2bac.
# Each stretch with the token of its first score and the cliffs that the file marks in it.
FIRST = (
    "0.65625 0.703125 0.6875 0.71875 0.671875 0.6875 0.34375 0.21875 0.40625 0.28125 0.265625",
    678,
    [684],
)
SECOND = (
    "0.359375 0.46875 0.515625 0.46875 0.515625 0.4375 0.15625 0.203125 0.296875 0.25 0.21875",
    834,
    [840],
)
# The tokens that end in "But wait", after which the potential rises from .38 to .80.
RISE = ("0.28125 0.28125 0.375 0.25 0.3125 0.375 0.515625 0.796875 0.734375 0.796875", 1095, [])


def read(tmp_path, records, rollouts=64, name="math500.json"):
    return published.read(write(tmp_path / name, records), rollouts)


def tables(records, rollouts=64):
    traces = published.traces_of(records, "m", "d", encode)
    return traces, published.potential_of(records, traces, rollouts)


@pytest.mark.parametrize(("scores", "first", "cliffs"), [FIRST, SECOND, RISE])
def test_the_public_trace_has_its_two_cliffs_and_no_cliff_where_it_recovers(scores, first, cliffs):
    made = record([float(score) for score in scores.split()])
    _, potential = tables([made])
    found = published.estimate_published(potential)
    flags = CliffTest().flags(found["before"] - found["after"], found["drop_se"])
    assert (found.loc[flags, "t"] + first - 1).tolist() == cliffs
    if not cliffs:
        rise = found["after"].max() - found["before"].iloc[5]
        assert rise == pytest.approx(0.796875 - 0.375)


def test_drops_at_the_two_public_cliffs_are_those_that_the_file_marks():
    marked = []
    for scores, first, (cliff,) in (FIRST, SECOND):
        _, potential = tables([record([float(score) for score in scores.split()])])
        found = published.estimate_published(potential).set_index("t").loc[cliff - first + 1]
        marked.append((round(found["before"], 2), round(found["after"], 2)))
    assert marked == [(0.69, 0.34), (0.44, 0.16)]


@pytest.mark.parametrize("name", ["aime25.json", "aime25.json.gz"])
def test_a_file_becomes_three_tables(tmp_path, name):
    records = read(
        tmp_path,
        [record([1.0, 0.5]), record([0.25], problem="2", correct=False, golden_answer=["7", "8"])],
        name=name,
    )
    traces, potential = tables(records)
    problems = published.problems_of(records, "d")
    assert problems["answer"].tolist() == ["70", "7\n8"]
    assert problems["answer_from"].eq("box").all()
    assert traces["trace_id"].tolist() == ["m/d/1/0", "m/d/2/0"]
    assert traces["verdict"].tolist() == ["correct", "incorrect"]
    assert traces["reencoded"].all()
    # Neither the bare prompt, 0, nor the whole trace, n.
    assert potential["t"].tolist() == [1, 2, 1]
    assert potential["successes"].tolist() == [64, 32, 16]
    assert potential["rollouts"].eq(64).all()


def test_neither_the_first_nor_the_last_token_has_a_drop():
    _, potential = tables([record([0.5, 0.25, 0.125])])
    found = published.estimate_published(potential)
    assert found["t"].tolist() == [2, 3]  # of four
    assert found["before"].tolist() == [0.5, 0.25]
    assert found["after"].tolist() == [0.25, 0.125]


def test_several_traces_of_a_problem_are_numbered():
    records = [record([0.5]), record([0.5], sample=1), record([0.5], problem="2")]
    traces, _ = tables(records)
    assert traces["sample"].tolist() == [0, 1, 0]
    assert len(published.problems_of(records, "d")) == 2


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([3] + [0] * 25, 21),  # zeros up to the twentieth, five that were filled in
        ([3] + [0] * 20, 21),
        ([3] + [0] * 19, 20),
        ([0] * 30, 20),
        ([0] * 25 + [1], 26),  # no early stop: all were measured
        ([], 0),
    ],
)
def test_zeros_after_twenty_zeros_were_not_measured(counts, expected):
    found = published.measured(np.array(counts, dtype=float))
    assert found.tolist() == [True] * expected + [False] * (len(counts) - expected)
    _, potential = tables([record([count / 64 for count in counts])])
    assert potential["successes"].notna().sum() == expected
    assert len(potential) == len(counts)


def test_a_gap_blames_no_token():
    _, potential = tables([record([1.0, 0.9375, None, 0.0, 0.0, 0.5])])
    assert potential["successes"].isna().tolist() == [False, False, True, False, False, False]
    assert published.estimate_published(potential)["t"].tolist() == [2, 5, 6]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"all_position_scores": [0.5, 0.51]}, r"prefix 2: expected a share of 64 .* found 0.51"),
        ({"all_position_scores": [0.5, 1.5]}, "prefix 2: expected a share"),
        ({"all_position_scores": [True, 0.5]}, "prefix 1: expected a share"),
        ({"all_position_scores": [0.5]}, "all_position_scores: expected 2 entries"),
        ({"all_position_scores": [0.5] * 3}, "total_tokens is 3; found 3"),
        ({"total_tokens": 4}, "response_token_ids: expected 4 entries"),
        ({"total_tokens": True}, "total_tokens: expected a whole number, found True"),
        ({"response_token_ids": [1, -2, 3]}, "token 2: expected an id from 0, found -2"),
        ({"response_token_ids": [1, 2, 3.0]}, "token 3: expected an id from 0, found 3.0"),
        ({"golden_answer": []}, "golden_answer: expected a list of texts"),
        ({"golden_answer": "70"}, "golden_answer: expected a list, found '70'"),
        ({"is_correct": 1}, "is_correct: expected true or false, found 1"),
        ({"question": None}, "question: expected text, found None"),
    ],
)
def test_a_record_that_is_not_as_documented_is_refused_by_its_place(tmp_path, changes, said):
    with pytest.raises(
        published.PublishedError, match=rf"math500.json: record 1 \(2_path_0\): .*{said}"
    ):
        read(tmp_path, [record([0.5]), record([0.5, 0.25], problem="2", **changes)])


def test_prompts_that_ask_something_else_are_refused_and_a_few_are_told(tmp_path, caplog):
    names = ("1", "2", "3")
    moved = [record([0.5], problem=name, full_prompt="<user>What is 9?") for name in names]
    with pytest.raises(published.PublishedError, match=r"'1_path_0' .* question, .*2 of 3 records"):
        read(tmp_path, [*moved[:2], record([0.5], problem="3")])
    assert read(tmp_path, [record([0.5]), record([0.5], problem="2"), moved[2]])
    assert "does not hold the question: 3_path_0" in caplog.text
    # A template may break lines elsewhere.
    assert read(tmp_path, [record([0.5], full_prompt="<user>\nWhat is\n1?\n<assistant>")])


def test_a_field_that_is_missing_is_refused_and_one_that_is_foreign_is_told(tmp_path, caplog):
    lacking = record([0.5])
    del lacking["full_prompt"]
    with pytest.raises(published.PublishedError, match="has no field 'full_prompt'"):
        read(tmp_path, [lacking])
    assert read(tmp_path, [record([0.5], response_token_ranks=[1, 1])])
    assert "not read: response_token_ranks" in caplog.text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not readable as JSON"),
        (b'[{"id": 1}, ', "not readable as JSON"),
        (b"\xff\xfe[]", "not readable as JSON"),
        (b"{}", "expected a list of records"),
        (b"[]", "expected a list of records"),
        (b"[3]", "record 0: expected a mapping of fields, found 3"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path, content, said):
    path = tmp_path / "gsm1k.json"
    path.write_bytes(content)
    with pytest.raises(published.PublishedError, match=said):
        published.read(path, 64)


def test_a_compressed_file_that_is_cut_off_is_refused(tmp_path):
    path = write(tmp_path / "gsm1k.json.gz", [record([0.5])])
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(published.PublishedError, match="fetch it again"):
        published.read(path, 64)
    with pytest.raises(published.PublishedError, match="fetch it again"):
        published.read(tmp_path / "none.json", 64)


def test_a_trace_that_comes_twice_is_refused(tmp_path):
    with pytest.raises(published.PublishedError, match="two records have the id '1_path_0'"):
        read(tmp_path, [record([0.5]), record([0.25])])


def test_a_problem_that_is_two_problems_is_refused():
    records = [record([0.5]), record([0.5], sample=1, golden_answer=["71"])]
    with pytest.raises(published.PublishedError, match="'1' has another question or answer"):
        published.problems_of(records, "d")


def test_another_number_of_rollouts_is_named_and_not_rounded(tmp_path):
    records = [record([1 / 3, 2 / 3])]
    with pytest.raises(published.PublishedError, match="expected a share of 64"):
        read(tmp_path, records)
    _, potential = tables(read(tmp_path, records, rollouts=30), 30)
    assert potential["successes"].tolist() == [10, 20]


def test_ids_that_the_text_is_not_encoded_to_are_flagged_and_another_tokenizer_is_refused():
    records = [record([0.5], problem=str(i)) for i in range(4)]
    records[2]["response"] = "11 10"
    traces, _ = tables(records)
    assert traces["reencoded"].tolist() == [True, True, False, True]
    with pytest.raises(
        published.PublishedError, match=r"m/d/0/0: .* 4 of 4 traces.*models.yaml: m"
    ):
        published.traces_of(records, "m", "d", lambda text: encode(text) + 1)


def test_what_is_read_has_the_columns_of_its_tables(tmp_path):
    from cliff_tokens import tables as files

    records = read(tmp_path, [record([0.5] + [0.0] * 30), record([0.25], problem="2")])
    traces, potential = tables(records)
    for name, frame in (
        ("problems", published.problems_of(records, "d")),
        ("published_traces", traces),
        ("published_potential", potential),
        ("estimates", published.estimate_published(potential)),
    ):
        files.write(frame, tmp_path / f"{name}.parquet", name, {})
        assert len(files.read(tmp_path / f"{name}.parquet", name)) == len(frame)
    stored = files.read(tmp_path / "published_potential.parquet", "published_potential")
    pd.testing.assert_frame_equal(
        published.estimate_published(stored), published.estimate_published(potential),
        check_dtype=False,
    )  # fmt: skip

"""Own counts as traces: what the file does not hold is left out."""

import pytest
from helpers.counts import counts_of, frame

from cliff_tokens.detection import measure_drops
from cliff_tokens.explorer.counts import traces_of
from cliff_tokens.own_counts import check_counts


def made(counts):
    return list(traces_of(check_counts(counts), 0.1, 1.645, 0.95))


def test_counts_with_everything_have_tokens_verdict_bounds_and_cliffs():
    ((trace, text),) = made(frame())
    assert (trace["id"], trace["verdict"], trace["length"]) == ("a", "incorrect", 4)
    assert text == "".join(trace["tokens"]) == 'Add 3 "NANA'
    reading = trace["readings"]["counts"]
    assert reading["potential"] == [7500, 7500, 2500, 5000, 0]
    assert reading["rollouts"] == [64, 32, 64, 16]
    drops = measure_drops(frame())
    assert [cliff["t"] for cliff in reading["cliffs"]] == drops.loc[drops["cliff"], "t"].tolist()
    assert [cliff["audit"] for cliff in reading["cliffs"]] == ["cannot be", "cannot be"]
    assert {cliff["kind"] for cliff in reading["cliffs"]} == {None}


def test_what_is_missing_is_left_out():
    ((trace, text),) = made(counts_of([60, 20, 20], 64))
    assert set(trace) == {"id", "problem", "length", "readings"}
    assert text == ""
    reading = trace["readings"]["counts"]
    assert (reading["potential"][-1], reading["threshold"][-1]) == (None, None)
    assert [(cliff["t"], cliff["audit"]) for cliff in reading["cliffs"]] == [(1, None)]


def test_a_trace_of_one_token_without_a_verdict_has_nothing_to_test():
    ((trace, _),) = made(counts_of([3], 4))
    assert trace["readings"]["counts"]["cliffs"] == []


@pytest.mark.parametrize("name", ["a", 7])
def test_a_trace_is_named_as_in_the_file(name):
    ((trace, _),) = made(counts_of([3], 4).assign(trace=name))
    assert trace["id"] == str(name)

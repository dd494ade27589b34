"""What every engine refuses, and whose traces a policy may continue."""

import numpy as np
import pandas as pd
import pytest

from cliff_tokens.policies import (
    Policy,
    Request,
    check_requests,
    check_sequences,
    open_engine,
)
from cliff_tokens.policies.sampling import Sampler, streams
from cliff_tokens.script import open_policy
from cliff_tokens.stages.generators import generate


def request(length, limit):
    return Request(np.arange(length, dtype=np.int32), np.zeros(1, dtype=np.uint64), limit)


def test_a_request_that_just_fits_is_taken():
    check_requests([request(100, 28)], 128)
    check_requests([request(100, 10_000)], None)  # an engine without a limit
    check_requests([], 128)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ((0, 5), "request 1: the prompt is empty"),
        ((3, 0), "request 1: max_tokens is 0; expected at least 1"),
        ((100, 29), "request 1: 100 prompt tokens and 29 new ones exceed the 128"),
    ],
)
def test_the_first_impossible_request_is_named(bad, said):
    with pytest.raises(ValueError, match=said):
        check_requests([request(3, 5), request(*bad), request(0, 0)], 128)


def test_a_sequence_that_cannot_be_scored_is_refused():
    three, none = np.arange(3), np.arange(0)
    check_sequences([(three, none), (three, three)], 6)
    check_sequences([(three, np.arange(10_000))], None)
    with pytest.raises(ValueError, match="a prompt is empty"):
        check_sequences([(three, three), (none, three)], 6)
    with pytest.raises(ValueError, match="a sequence of 6 tokens exceeds the 5 positions"):
        check_sequences([(three, three)], 5)


def test_an_unknown_engine_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"'tgi' is not known; .* transformers, vllm"):
        open_engine("tgi", "anywhere")


def test_traces_of_another_sampler_are_another_policys():
    drawn = Sampler(temperature=1.0, top_p=0.95)
    traces = pd.DataFrame({"trace_id": ["a", "b"], "sampler": drawn.as_json()})
    Policy(None, None, drawn).check_drew(traces)
    traces.loc[1, "sampler"] = Sampler(temperature=0.7).as_json()
    with pytest.raises(ValueError, match=r"b: drawn with the sampler .*0\.7.*again"):
        Policy(None, None, drawn).check_drew(traces)


def test_a_rollout_ends_with_the_first_token_that_contains_a_text(root):
    policy = open_policy(
        {"engine": "transformers", "model": str(root / "resources/testbed/testbed-small")},
        {"temperature": 1.0, "top_p": 0.95, "top_k": 0},
    )
    asked = generate("chains", "test", 4, seed=5)["question"]
    requests = [
        Request(policy.tokenizer.prompt_ids(question), streams(5, row, count=8), 160)
        for row, question in enumerate(asked)
    ]

    def drawn(until):
        done = policy.generate(requests, until)
        return {(one.request, one.rollout): (one.token_ids.tolist(), one.finish) for one in done}

    whole, cut = drawn(None), drawn("=")
    (equals,) = policy.tokenizer.containing("=").tolist()
    assert policy.stops("=") == policy.stops() | {equals}
    assert whole.keys() == cut.keys()
    for key, (ids, finish) in cut.items():
        assert ids == whole[key][0][: len(ids)]
        assert equals not in ids[:-1]
        assert ids[-1] in policy.stops("=")
        assert finish == "stop"
    assert any(len(ids) < len(whole[key][0]) for key, (ids, _) in cut.items())

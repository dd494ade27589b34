"""What an engine gives, in a form that tests compare."""

import numpy as np


def run(engine, requests, sampler):
    """{(request, rollout): (token ids, finish)}; fails if a rollout comes twice."""
    found = {}
    for one in engine.generate(requests, sampler):
        assert (one.request, one.rollout) not in found
        assert one.token_ids.dtype == np.int32
        found[one.request, one.rollout] = (one.token_ids.tolist(), one.finish)
    return found

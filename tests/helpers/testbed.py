"""Problems of the testbed's generators."""

import itertools

import numpy as np

from cliff_tokens.stages import generators as problems

GENERATORS = ("chains", "factors", "marathons")


def some(name, count=300, split="corpus", seed=0):
    stream = problems.problems(name, split, np.random.default_rng(seed))
    return list(itertools.islice(stream, count))

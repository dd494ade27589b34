"""An oracle: a small Markov chain over tokens whose potentials are known by linear algebra.

State is the last token (the prompt's last token to begin with). Two absorbing tokens end a
response: RIGHT and WRONG. The chain is an engine: it draws rollouts with the same numbered
random streams as a language model would.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from cliff_tokens.policies import Completion, Policy, Request, sampling
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.independent import collect_potential, plan_potential
from cliff_tokens.stages.questions import Questions
from cliff_tokens.stages.recursion import collect_branches
from cliff_tokens.stages.resampling import collect_resampling, plan_resampling
from cliff_tokens.stages.rollouts import roll_out
from cliff_tokens.stages.traces import sample

RIGHT, WRONG, START = 0, 1, 2


class MarkovEngine:
    """Implements ``engines.Engine`` for a transition matrix [vocabulary, vocabulary]."""

    def __init__(self, vocabulary: int = 8, seed: int = 0):
        rng = np.random.default_rng(seed)
        logits = rng.normal(0, 2.0, (vocabulary, vocabulary))
        logits[:, START] = -np.inf  # never returned to
        self.logits = logits
        self.stops = np.array([RIGHT, WRONG])
        self.slow = False
        self.rounding = 1e-6  # it scores in single precision what it draws in double

    def transitions(self, sampler: Sampler) -> np.ndarray:
        return sampling.distribution(self.logits, sampler)

    def potentials(self, sampler: Sampler) -> np.ndarray:
        """Exact probability of RIGHT from each state, [vocabulary]."""
        moves = self.transitions(sampler)
        inner = np.arange(2, len(moves))
        solution = np.linalg.solve(
            np.eye(len(inner)) - moves[np.ix_(inner, inner)], moves[inner, RIGHT]
        )
        return np.concatenate([[1.0, 0.0], solution])

    def generate(
        self, requests: Sequence[Request], sampler: Sampler, stops: Sequence[int] = ()
    ) -> Iterator[Completion]:
        assert not len(stops)  # a chain ends in its two states alone
        moves = self.transitions(sampler)
        for number, request in enumerate(requests):
            count = len(request.streams)
            state = np.full(count, request.prompt_ids[-1])
            written = np.empty((count, request.max_tokens), dtype=np.int32)
            lengths = np.full(count, request.max_tokens)
            alive = np.arange(count)
            for step in range(request.max_tokens):
                uniforms = sampling.uniforms(request.streams[alive], step)
                state[alive] = sampling.draw(moves[state[alive]], uniforms)
                written[alive, step] = state[alive]
                ended = state[alive] <= WRONG
                lengths[alive[ended]] = step + 1
                alive = alive[~ended]
            for rollout in range(count):
                ids = written[rollout, : lengths[rollout]]
                finish = "stop" if ids[-1] <= WRONG else "length"
                yield Completion(number, rollout, ids, finish)

    def score(self, sequences) -> Iterator[np.ndarray]:
        for prompt, tokens in sequences:
            before = np.concatenate([prompt[-1:], tokens[:-1]])
            yield np.where(np.isinf(self.logits), -1e9, self.logits)[before].astype(np.float32)


class MarkovTokenizer:
    r"""Writes RIGHT as \boxed{1} and WRONG as \boxed{0}."""

    def prompt_ids(self, question: str, system: str | None = None, shots=()) -> np.ndarray:
        return np.array([START], dtype=np.int32)

    def texts(self, responses) -> list[str]:
        return [" ".join(self.pieces(ids)) for ids in responses]

    def pieces(self, ids) -> list[str]:
        words = {RIGHT: r"\boxed{1}", WRONG: r"\boxed{0}"}
        return [words.get(int(token), f"s{int(token)}") for token in ids]


def policy(engine: MarkovEngine, sampler: Sampler) -> Policy:
    """The chain as a policy."""
    return Policy(engine, MarkovTokenizer(), sampler)


def sample_chain(
    engine: MarkovEngine, sampler: Sampler, count: int, max_tokens: int = 400
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``count`` problems, to which RIGHT is the answer, and a trace of each."""
    names = [f"p{number:03d}" for number in range(count)]
    problems = pd.DataFrame(
        {"dataset": "chain", "problem_id": names, "question": names, "answer": "1"}
    ).assign(answer_from="box", until=None)
    questions = Questions(system=None, max_tokens=max_tokens, samples=1)
    with Grader() as grader:
        traces = sample(problems, questions, "markov", policy(engine, sampler), grader, 7)
    return problems, traces


def draw(plan, traces, problems, policy, seed=7) -> pd.DataFrame:
    """Rows of the ``rollouts`` table for a plan."""
    with Grader() as grader:
        return roll_out(plan, traces, problems, policy, grader, seed=seed, name="test")


def count_potential(traces, problems, policy, count, seed=7) -> pd.DataFrame:
    """Rows of the ``potential`` table: ``count`` rollouts at every prefix."""
    plan = plan_potential(traces, count)
    return collect_potential(plan, draw(plan, traces, problems, policy, seed))


def count_branches(plan, traces, problems, policy, seed=7) -> pd.DataFrame:
    """Rows of the ``branches`` table for a plan of branches."""
    return collect_branches(plan, draw(plan, traces, problems, policy, seed))


def resample(cliffs, matched, traces, problems, policy, count, seed=7) -> pd.DataFrame:
    """Rows of the ``resampling`` table: ``count`` rollouts in every arm."""
    plan = plan_resampling(cliffs, matched, count)
    return collect_resampling(plan, draw(plan, traces, problems, policy, seed))

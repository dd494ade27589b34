"""Traces: one sampled answer to each problem, and what the model thought at each of its tokens.

Traces and rollouts are drawn by one sampler. Token ids are kept as the model produced them, the
end-of-sequence token included, so that every prefix is one the model has really written.
"""

import logging
from collections.abc import Iterator

import numpy as np
import pandas as pd

from cliff_tokens import progress
from cliff_tokens.policies import Policy, Request, sampling
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.stages.extraction import Extraction
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.questions import Questions

logger = logging.getLogger(__name__)

_CELLS = 2**23  # of the logits that are worked on at a time, in double precision; bounds the memory


def sample(
    problems: pd.DataFrame,
    questions: Questions,
    model: str,
    policy: Policy,
    grader: Grader,
    seed: int,
) -> pd.DataFrame:
    """Graded traces of every problem: rows of the ``traces`` table.

    Args:
        problems: rows of the table.
        questions: how they are asked, and how often.
        model: what the policy's model is called; keys the random numbers.
        policy: who answers.
        grader: grades the answers.
        seed: of the run.
    """
    problems = problems.reset_index(drop=True)
    streams = [
        sampling.streams(
            seed, "trace", model, problem.dataset, problem.problem_id, count=questions.samples
        )
        for problem in problems.itertuples()
    ]
    requests = [
        Request(questions.prompt_ids(asked, policy.tokenizer), streams[row], questions.max_tokens)
        for row, asked in enumerate(problems["question"])
    ]
    extraction = Extraction.of(problems)
    total = len(problems) * questions.samples
    drawn = policy.generate(requests, extraction.until)
    completions = list(progress.track(drawn, total, "trace", model))
    texts = policy.tokenizer.texts([done.token_ids for done in completions])
    answers = [extraction.extract(text) for text in texts]
    golds = [problems["answer"][done.request] for done in completions]
    verdicts = grader.grade(list(zip(golds, answers, strict=True)))
    rows = []
    for done, text, answer, verdict in zip(completions, texts, answers, verdicts, strict=True):
        problem = problems.loc[done.request]
        rows.append(
            {
                "trace_id": f"{model}/{problem.dataset}/{problem.problem_id}/{done.rollout}",
                "model": model,
                "dataset": problem.dataset,
                "problem_id": problem.problem_id,
                "sample": done.rollout,
                "stream": streams[done.request][done.rollout],
                "prompt_ids": requests[done.request].prompt_ids,
                "token_ids": done.token_ids,
                "text": text,
                "finish": done.finish,
                "max_tokens": questions.max_tokens,
                "answer": answer,
                "verdict": verdict,
                "sampler": policy.sampler.as_json(),
            }
        )
    traces = pd.DataFrame(rows)
    _warn_of_unparsed(traces, extraction)
    return traces


def _warn_of_unparsed(traces: pd.DataFrame, extraction: Extraction) -> None:
    """Say so where most answers cannot be read: they count as wrong."""
    unparsed = traces[traces["verdict"].eq("unparsed")]
    if 2 * len(unparsed) > len(traces):
        first = unparsed.iloc[0]
        logger.warning(
            "%s on %s: %d of %d answers cannot be read and count as wrong (they are read from: %s; "
            "%d met the limit of tokens). The first, of %s, ends with %r. Ask for such an answer "
            "(system, shots), raise max_tokens, or read it elsewhere (answer_from)",
            first["model"], first["dataset"], len(unparsed), len(traces), extraction.answer_from,
            unparsed["finish"].eq("length").sum(), first["trace_id"], first["text"][-80:],
        )  # fmt: skip


def score(traces: pd.DataFrame, policy: Policy, support: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One teacher-forced pass over every trace: rows of the tables ``tokens`` and ``alternatives``.

    ``support`` is the number of most probable tokens in the entropy's sum, which is not
    renormalized (the paper uses 20); 0 takes the full vocabulary. A token that the policy cannot
    have drawn is an error.
    """
    policy.check_drew(traces)
    parts = []
    for trace, logits, scores, others in _passes(traces, policy, support):
        _refuse_undrawn(trace.trace_id, scores, logits, policy)
        parts.append((scores, others))
    tokens, alternatives = zip(*parts, strict=True)
    return pd.concat(tokens, ignore_index=True), pd.concat(alternatives, ignore_index=True)


def score_given(traces: pd.DataFrame, policy: Policy, support: int) -> pd.DataFrame:
    """Rows of the table ``tokens`` of traces that others wrote, by whatever sampler.

    q_t is the policy's all the same: the chance that it writes the token after this prefix, 0 where
    its sampler would not. ``support`` is as in ``score``.
    """
    tokens = [scores for _, _, scores, _ in _passes(traces, policy, support)]
    return pd.concat(tokens, ignore_index=True)


def _passes(traces: pd.DataFrame, policy: Policy, support: int) -> Iterator[tuple]:
    """Every trace, in order, with its logits, its scores and other tokens."""
    sequences = list(zip(traces["prompt_ids"], traces["token_ids"], strict=True))
    passes = progress.track(policy.engine.score(sequences), len(sequences), "trace", "score")
    for trace, logits in zip(traces.itertuples(), passes, strict=True):
        scores, others = score_trace(logits, trace.token_ids, policy.sampler, support)
        scores["token"] = policy.tokenizer.pieces(trace.token_ids)
        owner = {"trace_id": trace.trace_id}
        yield trace, logits, scores.assign(**owner), others.assign(**owner)


def _refuse_undrawn(
    trace_id: str, scores: pd.DataFrame, logits: np.ndarray, policy: Policy
) -> None:
    """Refuse tokens of probability 0, but for those whose side of the edge rounding decides."""
    never = scores[scores["sampler_probability"] == 0]
    rows, ids = never["t"].to_numpy() - 1, never["token_id"].to_numpy()
    reached = sampling.within_reach(logits[rows], ids, policy.sampler, policy.engine.rounding)
    for row in never[~reached].itertuples():
        raise ValueError(
            f"{trace_id}: token {row.token_id} at t={row.t} has probability 0 under the sampler, "
            "so that this model did not draw it; sample the traces again with the model's files "
            "as they are"
        )


def score_trace(
    logits: np.ndarray, token_ids: np.ndarray, sampler: Sampler, support: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of ``tokens`` and ``alternatives`` of one trace, from its ``logits`` [T, vocabulary].

    Some rows at a time: in double precision a long trace over a large vocabulary is tens of GB.
    The columns trace_id and token are left to ``score``.
    """
    tokens, alternatives = [], []
    size = max(1, _CELLS // logits.shape[-1])
    for first in range(0, len(token_ids), size):
        rows, ids = logits[first : first + size], token_ids[first : first + size]
        drawn_from = sampling.distribution(rows, sampler)
        scores = score_logits(rows, ids, support)
        scores["sampler_probability"] = drawn_from[np.arange(len(scores)), ids]
        others = other_tokens(drawn_from, ids)
        tokens.append(scores.assign(t=scores["t"] + first))
        alternatives.append(others.assign(t=others["t"] + first))
    return pd.concat(tokens, ignore_index=True), pd.concat(alternatives, ignore_index=True)


def other_tokens(drawn_from: np.ndarray, token_ids: np.ndarray) -> pd.DataFrame:
    """Every token but x_t in the sampler's distributions [T, vocabulary], with its probability."""
    t, token = np.nonzero(drawn_from)
    other = token != token_ids[t]
    t, token = t[other], token[other]
    return pd.DataFrame({"t": t + 1, "token_id": token, "probability": drawn_from[t, token]})


def score_logits(logits: np.ndarray, token_ids: np.ndarray, support: int) -> pd.DataFrame:
    """Scores of ``token_ids`` [T], each from the row of ``logits`` [T, vocabulary] before it.

    ``support`` is as in ``score``. Ties within 1e-9 share the best rank.
    """
    logits = np.asarray(logits, dtype=np.float64)
    rows = np.arange(len(token_ids))
    top = logits.max(axis=-1, keepdims=True)
    log_probabilities = logits - top - np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))
    of_token = log_probabilities[rows, token_ids]
    summed = log_probabilities
    if 0 < support < logits.shape[-1]:
        summed = np.partition(log_probabilities, -support, axis=-1)[:, -support:]
    probabilities = np.exp(summed)
    summed = np.where(probabilities > 0, summed, 0.0)  # 0 log 0 is 0, also where log 0 is -inf
    return pd.DataFrame(
        {
            "t": rows + 1,
            "token_id": token_ids,
            "logprob": of_token,
            "rank": sampling.ranks(log_probabilities, np.asarray(token_ids)),
            "greedy_id": logits.argmax(axis=-1),
            "entropy": -(probabilities * summed).sum(axis=-1),
            "support": support if support < logits.shape[-1] else 0,
            "tail": np.maximum(0.0, 1.0 - probabilities.sum(axis=-1)),
        }
    )
